// Where a Linode is (Akamai Cloud documentation, "Use the Metadata service API").
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::linode {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// Errors: unavailable, when the answer is not this cloud's.
/// `json` is that of /v1/instance.
Result<Identity> parse_identity(std::string_view json);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::linode
