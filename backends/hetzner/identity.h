// Where a server of Hetzner Cloud is (docs.hetzner.cloud, "Server Metadata").
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::hetzner {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// Errors: unavailable, when the answer is not this cloud's.
/// `yaml` is that of /hetzner/v1/metadata. Volumes bind to the location ("hel1"), the part of the availability zone
/// ("hel1-dc2") before the dash: that is the region here. What Hetzner calls region ("eu-central") is a network zone.
Result<Identity> parse_identity(std::string_view yaml);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::hetzner
