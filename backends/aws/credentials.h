// Who we are to AWS. Nothing of these values may reach a log, an event or an error.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace mooring::backends::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: of a user, not of a role
  std::optional<std::chrono::system_clock::time_point> expires;
  std::string source;  // "environment", "instance role 'web'", … for people
  /// Of the instance role: while there is nothing newer to be had, they are used beyond their expiry, and the service
  /// decides. (The clock may be wrong, or the metadata service down: "static stability" of the AWS SDKs.)
  bool outlive_expiry = false;
};

}  // namespace mooring::backends::aws
