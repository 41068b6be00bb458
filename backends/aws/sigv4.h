// Signature Version 4 of AWS (docs: "Create a signed AWS API request", IAM User Guide). Pure.
#pragma once

#include <chrono>
#include <string_view>

#include "backends/aws/credentials.h"
#include "backends/http/message.h"

namespace mooring::backends::aws {

struct SigningScope {
  std::string_view region;
  std::string_view service;  // "ec2", "sts"
  std::chrono::system_clock::time_point time;
};

/// Adds X-Amz-Date, X-Amz-Security-Token and Authorization; those that an earlier attempt left are replaced. The path
/// and the query of the URL have to be percent-encoded already. All headers that the request has, and Host, are signed.
void sign(http::Request& request, const Credentials& credentials, const SigningScope& scope);

}  // namespace mooring::backends::aws
