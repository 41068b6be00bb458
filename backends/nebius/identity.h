// Where a virtual machine of Nebius is: from files below /mnt/cloud-metadata, or else from its newer metadata service
// (Nebius documentation, "Metadata service on virtual machines").
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::nebius {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// Empty region or id: the files do not have it.
Identity parse_files(const NebiusFiles& files);

/// `json` is that of /v1/instance-data.
/// Errors: unavailable, when the answer is not this cloud's.
Result<Identity> parse_identity(std::string_view json);

/// Asks only where the files do not have everything.
/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::nebius
