// What follows from the name of an AWS region (AWS General Reference, "Service endpoints"; the partitions of botocore's
// endpoints.json). Pure.
#pragma once

#include <string>
#include <string_view>

namespace mooring::backends::aws {

/// "aws", "aws-cn", "aws-us-gov", …; an unknown region is one of "aws".
std::string partition_of(std::string_view region);

/// What the names of its services end with: "amazonaws.com", "amazonaws.com.cn", …
std::string dns_suffix_of(std::string_view region);

/// A host name such as a service may have; nothing else may become part of an address that is sent signed requests.
bool is_domain(std::string_view text);

}  // namespace mooring::backends::aws
