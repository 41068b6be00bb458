// Where a pod of RunPod is (its documentation, "Environment variables"): from the environment only, without network.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::runpod {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// Errors: unavailable, when RUNPOD_POD_ID is not set.
Result<Identity> parse_identity(const Environment& environment);

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::runpod
