// What a profile of the shared files says about how to become somebody. Pure.
// (AWS SDKs and Tools Reference Guide, "Assume role credential provider", "AWS access keys"; precedence as in
// botocore.)
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "backends/aws/credentials.h"
#include "backends/aws/shared_config.h"
#include "backends/aws/sts.h"
#include "backends/error.h"

namespace mooring::backends::aws {

/// `credential_source` of a profile.
enum class NamedSource { environment, instance_role, container };

struct ProfilePlan {
  /// Who we are to begin with.
  std::variant<Credentials, NamedSource, WebIdentity> base;
  /// And whom we become then, in this order.
  std::vector<AssumedRole> roles;
};

/// Empty: the profile is not there, or says nothing of credentials.
/// Errors: denied, for what is contradictory, incomplete, or of a kind that is not supported; it names profile and key.
Result<std::optional<ProfilePlan>> plan_profile(const Profiles& profiles, const std::string& name);

}  // namespace mooring::backends::aws
