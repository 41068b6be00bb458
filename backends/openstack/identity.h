// Where a server of an OpenStack cloud is (Nova documentation, "Metadata"; vendor names from cloud-init's ds-identify).
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::openstack {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

/// `json` is meta_data.json. Of the region it says nothing, but for some vendors (`region_id` of Huawei Cloud): then it
/// is OS_REGION_NAME of the environment, as for OpenStack's own clients, or empty, and has to come from the
/// configuration. Errors: unavailable, when the answer is not this cloud's.
Result<Identity> parse_identity(std::string_view json, const Environment& environment);

/// The type of the server, as its EC2 compatible metadata name it; empty where that is no name.
std::string parse_type(std::string_view text);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::openstack
