#include "backends/aws/profile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "backends/aws/quote.h"

namespace mooring::backends::aws {
namespace {

Error refused(const std::string& profile, const std::string& what) {
  return {Errc::denied, "profile '" + quote(profile, {}) + "': " + quote(what, {}), {}};
}

std::string text(const Properties& properties, std::string_view key) {
  const auto found = properties.find(key);
  return found == properties.end() ? std::string{} : found->second;
}

bool has(const Properties& properties, std::string_view key) { return !text(properties, key).empty(); }

bool has_keys(const Properties& properties) {
  return has(properties, "aws_access_key_id") || has(properties, "aws_secret_access_key");
}

bool assumes_role(const Properties& properties) {
  return has(properties, "role_arn") && !has(properties, "web_identity_token_file");
}

/// The first of these that the profile has; empty: none.
template <std::size_t Size>
std::string_view first_of(const Properties& properties, const std::array<std::string_view, Size>& keys) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](auto key) { return has(properties, key); });
  return found == keys.end() ? std::string_view{} : *found;
}

Error unsupported(const std::string& profile, std::string_view key) {
  return refused(profile, std::string(key) +
                              " is not supported here; use static keys, a role (role_arn) or the role of the instance");
}

constexpr std::array<std::string_view, 4> kSso{"sso_session", "sso_start_url", "sso_account_id", "sso_role_name"};
constexpr std::array<std::string_view, 2> kPrograms{"login_session", "credential_process"};

using Base = std::variant<Credentials, NamedSource, WebIdentity>;

/// What a profile has of its own, without a role to assume. The order is that of botocore.
Result<std::optional<Base>> own_base(const Properties& properties, const std::string& name) {
  if (has(properties, "web_identity_token_file")) {
    if (!has(properties, "role_arn")) return refused(name, "web_identity_token_file needs a role_arn beside it");
    return Base{WebIdentity{text(properties, "web_identity_token_file"), text(properties, "role_arn"),
                            text(properties, "role_session_name")}};
  }
  if (const auto key = first_of(properties, kSso); !key.empty()) return unsupported(name, key);
  if (has_keys(properties)) {
    for (const char* key : {"aws_access_key_id", "aws_secret_access_key"}) {
      if (!has(properties, key)) return refused(name, std::string(key) + " is missing");
    }
    Credentials credentials;
    credentials.access_key_id = text(properties, "aws_access_key_id");
    credentials.secret_access_key = text(properties, "aws_secret_access_key");
    credentials.session_token = text(properties, "aws_session_token");
    return Base{std::move(credentials)};
  }
  if (const auto key = first_of(properties, kPrograms); !key.empty()) return unsupported(name, key);
  return std::nullopt;
}

Result<AssumedRole> role_of(const Properties& properties, const std::string& name) {
  if (has(properties, "mfa_serial"))
    return refused(name, "mfa_serial is not supported here: there is nobody to ask for the code");
  AssumedRole role{
      text(properties, "role_arn"), text(properties, "role_session_name"), text(properties, "external_id"), {}};
  const std::string duration = text(properties, "duration_seconds");
  unsigned seconds = 0;
  const char* const end = duration.data() + duration.size();
  const auto [stopped, error] = std::from_chars(duration.data(), end, seconds);
  if (!duration.empty() && (error != std::errc() || stopped != end))
    return refused(name, "duration_seconds is not a number");
  if (!duration.empty()) role.duration = std::chrono::seconds(seconds);
  return role;
}

Result<NamedSource> named_source(const std::string& source, const std::string& profile) {
  if (source == "Environment") return NamedSource::environment;
  if (source == "Ec2InstanceMetadata") return NamedSource::instance_role;
  if (source == "EcsContainer") return NamedSource::container;
  return refused(profile,
                 "credential_source '" + source + "' is none of Environment, Ec2InstanceMetadata, EcsContainer");
}

/// The profile that a role's own credentials come from; empty: they come from `credential_source`.
Result<std::string> source_profile(const Profiles& profiles, const std::string& name,
                                   const std::vector<std::string>& visited) {
  const Properties& properties = profiles.find(name)->second;
  std::string source = text(properties, "source_profile");
  const bool named = has(properties, "credential_source");
  if (!source.empty() && named) return refused(name, "has both source_profile and credential_source");
  if (source.empty() && !named)
    return refused(name, "role_arn needs a source_profile or a credential_source beside it");
  if (named) return std::string{};
  const auto found = profiles.find(source);
  if (found == profiles.end()) return refused(name, "its source_profile '" + source + "' does not exist");
  // A profile may be its own source, by the keys in it.
  const bool itself = source == name && has_keys(found->second);
  if (!itself && std::find(visited.begin(), visited.end(), source) != visited.end())
    return refused(name, "its source_profile '" + source + "' leads back to itself");
  return source;
}

}  // namespace

Result<std::optional<ProfilePlan>> plan_profile(const Profiles& profiles, const std::string& name) {
  ProfilePlan plan;
  std::vector<std::string> visited;
  std::string current = name;
  for (;;) {
    const auto found = profiles.find(current);
    if (found == profiles.end()) return std::nullopt;  // only the first one: sources were looked for
    const Properties& properties = found->second;
    // Of a source, keys come before a role; so does it end where a profile is its own source.
    const bool keys_first = !visited.empty() && has_keys(properties);
    if (!assumes_role(properties) || keys_first) {
      BOOST_OUTCOME_TRY(auto base, own_base(properties, current));
      if (!base && visited.empty()) return std::nullopt;
      if (!base) return refused(visited.back(), "its source_profile '" + current + "' has no credentials");
      plan.base = std::move(*base);
      break;
    }
    BOOST_OUTCOME_TRY(auto role, role_of(properties, current));
    plan.roles.insert(plan.roles.begin(), std::move(role));
    visited.push_back(current);
    BOOST_OUTCOME_TRY(auto source, source_profile(profiles, current, visited));
    if (source.empty()) {
      BOOST_OUTCOME_TRY(const auto base, named_source(text(properties, "credential_source"), current));
      plan.base = base;
      break;
    }
    current = std::move(source);
  }
  return plan;
}

}  // namespace mooring::backends::aws
