// Becoming a role by way of AWS STS: what to ask, and how to read the answer. Pure.
// (AWS Security Token Service API Reference, version 2011-06-15: AssumeRole, AssumeRoleWithWebIdentity, Common Errors.)
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/aws/credentials.h"
#include "backends/error.h"
#include "backends/http/message.h"

namespace mooring::backends::aws {

struct AssumedRole {
  std::string arn;
  std::string session;  // empty: one of ours
  std::string external_id;
  std::optional<std::chrono::seconds> duration;  // STS takes 900 to 43200; empty: its default of an hour
  bool operator==(const AssumedRole&) const = default;
};

struct WebIdentity {
  std::string token_file;
  std::string role_arn;
  std::string session;  // empty: one of ours
  bool operator==(const WebIdentity&) const = default;
};

/// POST to `endpoint`; still to be signed.
http::Request assume_role(const std::string& endpoint, const AssumedRole& role, const std::string& session);

/// POST to `endpoint`; goes out unsigned: the token says who we are.
http::Request assume_role_with_web_identity(const std::string& endpoint, const WebIdentity& identity,
                                            const std::string& session, const std::string& token);

/// A name for a session that has none: it shows in CloudTrail.
std::string session_name(std::chrono::system_clock::time_point now);

struct StsAnswer {
  std::optional<Credentials> credentials;
  /// Where there are none. denied: STS says no; unavailable: it does not say anything, or something that will pass.
  Error error;
  bool may_pass = false;  // an error with status 400 that is worth asking again for
};

/// `secrets` do not get into the error, even if STS quotes them.
StsAnswer read_sts_answer(const http::Response& response, const std::vector<std::string_view>& secrets);

}  // namespace mooring::backends::aws
