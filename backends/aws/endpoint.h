// Where the services of AWS are. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/environment.h"

namespace mooring::backends::aws {

/// Letters, digits and dashes only, 3 to 63 of them, no dash at either end: it becomes a part of a host name.
bool is_region_name(std::string_view text);

/// "https://ec2.us-east-1.amazonaws.com". `dns_suffix` as the metadata service tells it (services/domain); empty: that
/// of the region's partition. Empty: the service, the region or the suffix is not one that may stand in a host name.
std::optional<std::string> service_endpoint(std::string_view service, std::string_view region,
                                            std::string_view dns_suffix = {});

/// What the environment sets instead: AWS_ENDPOINT_URL_<service> ("EC2", "STS"), else AWS_ENDPOINT_URL; without slashes
/// at its end. (AWS SDKs and Tools Reference Guide, "Service-specific endpoints".) Empty: nothing.
std::string endpoint_in(const Environment& environment, std::string_view service);

}  // namespace mooring::backends::aws
