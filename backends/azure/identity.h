// Where a virtual machine of Azure is (Azure documentation, "Azure Instance Metadata Service").
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::azure {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// Errors: unavailable, when the answer is not this cloud's.
/// The zone is named as the disks' property `zones` has it: "1", "2", "3"; empty where the machine is in none.
Result<Identity> parse_identity(std::string_view json);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::azure
