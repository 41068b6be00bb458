// Where an instance of Oracle Cloud is (its documentation, "Getting Instance Metadata"; IMDS version 2 only).
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::oci {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// Errors: unavailable, when the answer is not this cloud's.
/// `canonicalRegionName` is the region that the API knows; `region` may be its airport code ("phx", "iad").
Result<Identity> parse_identity(std::string_view json);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::oci
