#include "backends/aws/credential_sources.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "backends/aws/endpoint.h"
#include "backends/aws/sigv4.h"
#include "backends/aws/small_file.h"
#include "backends/http/fetch.h"
#include "backends/offload.h"

namespace mooring::backends::aws {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

constexpr std::size_t kConfigLimit = std::size_t{1024} * 1024;
constexpr std::size_t kTokenLimit = std::size_t{64} * 1024;  // STS takes 20000 characters
constexpr std::size_t kAnswerLimit = std::size_t{256} * 1024;

// The container's agent is on this machine, or on the host: it answers at once or not at all. (botocore: 2 s, 3
// attempts.)
constexpr http::Limits kContainerLimits{milliseconds(1000), milliseconds(2000), milliseconds(2000), kAnswerLimit};
constexpr http::RetryPolicy kContainerPolicy{3, milliseconds(100), milliseconds(1000)};
constexpr milliseconds kContainerTime{7000};

constexpr http::Limits kStsLimits{milliseconds(3000), milliseconds(8000), milliseconds(10000), kAnswerLimit};
constexpr http::RetryPolicy kStsPolicy{4, milliseconds(100), milliseconds(2000)};
constexpr milliseconds kStsTime{20000};

constexpr const char* kRoles = "/latest/meta-data/iam/security-credentials/";

Error denied(std::string message) { return {Errc::denied, std::move(message), {}}; }

Error within(const std::string& source, Error error) {
  error.message.insert(0, source + ": ");
  return error;
}

/// Two of them stand in headers: nothing else than what may stand there.
Result<Credentials> usable(Credentials credentials) {
  const auto visible = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  };
  if (!visible(credentials.access_key_id))
    return denied(credentials.source + ": the access key id has white space or odd characters in it");
  if (!visible(credentials.session_token))
    return denied(credentials.source + ": the session token has white space or odd characters in it");
  return credentials;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) result += (result.empty() ? "" : "; ") + text;
  return result;
}

}  // namespace

CredentialSources::CredentialSources(http::Client& client, Imds& imds, Environment environment,
                                     CredentialSettings settings, boost::asio::thread_pool& pool)
    : client_(client), imds_(imds), environment_(std::move(environment)), settings_(std::move(settings)), pool_(pool) {}

awaitable<Result<Credentials>> CredentialSources::fetch() {
  looked_.clear();
  Answer answer = std::nullopt;
  // One that somebody has named is meant, whatever else there is.
  const bool named = !settings_.profile.empty();
  if (!named) answer = ask_environment();
  if (!named && answer && !answer.value()) answer = co_await ask_web_identity();
  if (answer && !answer.value()) answer = co_await ask_profile();
  if (answer && !answer.value()) answer = co_await ask_container();
  if (!answer) co_return std::move(answer).error();
  if (answer.value()) co_return usable(std::move(*answer.value()));
  auto role = co_await ask_instance_role();
  if (role) co_return usable(std::move(role).value());
  Error error = std::move(role).error();
  looked_.push_back("instance role: " + error.message);
  error.message = "no AWS credentials: " + joined(looked_);
  co_return error;
}

CredentialSources::Answer CredentialSources::ask_environment() {
  Credentials credentials;
  credentials.access_key_id = variable(environment_, "AWS_ACCESS_KEY_ID");
  credentials.secret_access_key = variable(environment_, "AWS_SECRET_ACCESS_KEY");
  credentials.session_token = variable(environment_, "AWS_SESSION_TOKEN");
  credentials.source = "environment";
  const bool no_id = credentials.access_key_id.empty();
  const bool no_secret = credentials.secret_access_key.empty();
  if (no_id && no_secret) {
    looked_.emplace_back("environment: AWS_ACCESS_KEY_ID is not set");
    return std::nullopt;
  }
  if (no_id) return denied("environment: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not");
  if (no_secret) return denied("environment: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
  return credentials;
}

awaitable<CredentialSources::Answer> CredentialSources::ask_web_identity() {
  WebIdentity identity;
  identity.token_file = variable(environment_, "AWS_WEB_IDENTITY_TOKEN_FILE");
  identity.role_arn = variable(environment_, "AWS_ROLE_ARN");
  identity.session = variable(environment_, "AWS_ROLE_SESSION_NAME");
  if (identity.token_file.empty()) {
    looked_.emplace_back("web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    co_return std::nullopt;
  }
  if (identity.role_arn.empty())
    co_return denied("web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
  const std::string source = "web identity, role " + identity.role_arn;
  auto answer = co_await become(std::move(identity));
  if (!answer) co_return within(source, std::move(answer).error());
  answer.value().source = source;
  co_return std::move(answer).value();
}

awaitable<CredentialSources::Answer> CredentialSources::ask_profile() {
  const std::string name = settings_.profile.empty() ? profile_name(environment_) : settings_.profile;
  const std::string source = "profile '" + name + "'";
  auto profiles = co_await read_shared_files();
  if (!profiles) co_return within(source, std::move(profiles).error());
  const bool there = profiles.value().find(name) != profiles.value().end();
  if (!there && !(settings_.profile.empty() && variable(environment_, "AWS_PROFILE").empty()))
    co_return denied(source + ": it is named, but it is in neither of the shared files");
  auto plan = plan_profile(profiles.value(), name);
  if (!plan) co_return std::move(plan).error();
  if (!plan.value()) {
    looked_.push_back(source + (there ? ": has no credentials in it" : ": is not in the shared files"));
    co_return std::nullopt;
  }
  const std::string role = plan.value()->roles.empty() ? std::string{} : ", role " + plan.value()->roles.back().arn;
  ProfilePlan steps = std::move(*plan.value());
  auto answer = co_await carry_out(std::move(steps));
  if (!answer) co_return within(source, std::move(answer).error());
  answer.value().source = source + role;
  co_return std::move(answer).value();
}

awaitable<CredentialSources::Answer> CredentialSources::ask_container() {
  BOOST_OUTCOME_CO_TRY(const auto endpoint, container_endpoint(environment_));
  if (!endpoint) {
    looked_.emplace_back("container endpoint: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
    co_return std::nullopt;
  }
  std::string token = endpoint->token;
  if (!endpoint->token_file.empty()) {
    auto read = co_await read_token(endpoint->token_file);
    if (!read) co_return within("container endpoint", std::move(read).error());
    token = std::move(read).value();
  }
  BOOST_OUTCOME_CO_TRY(auto request, container_request(*endpoint, token));
  auto response = co_await http::fetch(client_, std::move(request), kContainerLimits, kContainerPolicy,
                                       container_budget_, kContainerTime);
  if (!response) co_return Error{Errc::unavailable, "container endpoint: " + response.error().message, {}};
  auto answer = read_container_answer(response.value(), {token});
  if (!answer) co_return std::move(answer).error();
  answer.value().source = "container endpoint " + endpoint->origin;
  co_return std::move(answer).value();
}

awaitable<Result<Credentials>> CredentialSources::ask_instance_role() {
  std::string off(variable(environment_, "AWS_EC2_METADATA_DISABLED"));
  std::transform(off.begin(), off.end(), off.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (off == "true") co_return denied("switched off by AWS_EC2_METADATA_DISABLED");
  std::string path = kRoles;
  auto listing = co_await imds_.get(path);
  if (!listing && listing.error().code == Errc::not_found) co_return no_instance_role();
  if (!listing) co_return std::move(listing).error();
  BOOST_OUTCOME_CO_TRY(const auto role, read_role_name(listing.value()));
  path += role;
  auto answer = co_await imds_.get(path);
  if (!answer && answer.error().code == Errc::not_found) co_return no_instance_role();
  if (!answer) co_return std::move(answer).error();
  co_return read_role_credentials(answer.value(), role);
}

awaitable<Result<Profiles>> CredentialSources::read_shared_files() {
  auto job = [environment = environment_]() noexcept -> Result<Profiles> {
    const auto home = variable(environment, "HOME");
    const auto paths = shared_paths(environment, home.empty() ? blocking::home_directory() : std::string(home));
    Profiles config;
    Profiles credentials;
    // A file that nobody has named may be another user's: what cannot be read of those is not there, as in the SDKs.
    // What others can change is an error all the same: to pass over it in silence would leave everybody guessing.
    const auto read = [&environment](const std::string& path, std::string_view name, SharedFile kind,
                                     Profiles& into) -> Result<void> {
      if (path.empty()) return boost::outcome_v2::success();
      const bool is_named = !variable(environment, name).empty();
      BOOST_OUTCOME_TRY(const auto text, blocking::read_small_file(path, kConfigLimit,
                                                                   is_named ? blocking::Unreadable::is_error
                                                                            : blocking::Unreadable::is_absent));
      if (text) into = read_profiles(*text, kind);
      return boost::outcome_v2::success();
    };
    BOOST_OUTCOME_TRYV(read(paths.config, "AWS_CONFIG_FILE", SharedFile::config, config));
    BOOST_OUTCOME_TRYV(read(paths.credentials, "AWS_SHARED_CREDENTIALS_FILE", SharedFile::credentials, credentials));
    return merged(std::move(config), credentials);
  };
  co_return co_await offload(pool_, std::move(job));
}

awaitable<Result<Credentials>> CredentialSources::carry_out(ProfilePlan plan) {
  Result<Credentials> self = denied("has no credentials");
  if (auto* const keys = std::get_if<Credentials>(&plan.base)) self = std::move(*keys);
  if (auto* const source = std::get_if<NamedSource>(&plan.base)) self = co_await ask_named(*source);
  if (auto* const identity = std::get_if<WebIdentity>(&plan.base)) self = co_await become(std::move(*identity));
  for (std::size_t i = 0; i < plan.roles.size() && self; ++i) {
    BOOST_OUTCOME_CO_TRY(auto checked, usable(std::move(self).value()));
    AssumedRole role = std::move(plan.roles[i]);
    self = co_await become(std::move(checked), std::move(role));
  }
  co_return self;
}

awaitable<Result<Credentials>> CredentialSources::ask_named(NamedSource source) {
  if (source == NamedSource::instance_role) {
    auto role = co_await ask_instance_role();
    if (!role) co_return within("instance role", std::move(role).error());
    co_return role;
  }
  Answer answer = std::nullopt;
  if (source == NamedSource::environment) answer = ask_environment();
  if (source == NamedSource::container) answer = co_await ask_container();
  if (!answer) co_return std::move(answer).error();
  if (!answer.value()) co_return denied("its credential_source has nothing: " + looked_.back());
  co_return std::move(*answer.value());
}

awaitable<Result<Credentials>> CredentialSources::become(Credentials self, AssumedRole role) {
  BOOST_OUTCOME_CO_TRY(const auto endpoint, sts_endpoint());
  const auto now = std::chrono::system_clock::now();
  auto request = assume_role(endpoint, role, role.session.empty() ? session_name(now) : role.session);
  sign(request, self, {settings_.region, "sts", now});
  std::vector<std::string> secrets{self.secret_access_key, self.session_token, role.external_id};
  co_return co_await ask_sts(std::move(request), std::move(secrets));
}

awaitable<Result<Credentials>> CredentialSources::become(WebIdentity identity) {
  BOOST_OUTCOME_CO_TRY(const auto endpoint, sts_endpoint());
  BOOST_OUTCOME_CO_TRY(auto token, co_await read_token(identity.token_file));
  const std::string session =
      identity.session.empty() ? session_name(std::chrono::system_clock::now()) : identity.session;
  auto request = assume_role_with_web_identity(endpoint, identity, session, token);
  std::vector<std::string> secrets{std::move(token)};
  co_return co_await ask_sts(std::move(request), std::move(secrets));
}

awaitable<Result<Credentials>> CredentialSources::ask_sts(http::Request request, std::vector<std::string> secrets) {
  const std::vector<std::string_view> hidden(secrets.begin(), secrets.end());
  http::Retry retry(kStsPolicy, sts_budget_, http::Retry::Time::clock::now() + kStsTime);
  for (;;) {
    http::Request attempt = request;
    auto response = co_await client_.send(std::move(attempt), kStsLimits);
    StsAnswer answer;
    if (response) {
      answer = read_sts_answer(response.value(), hidden);
      answer.may_pass = answer.may_pass || http::may_pass(response.value().status);
    } else {
      answer.error = {Errc::unavailable, "STS: " + response.error().message, {}};
      answer.may_pass = http::may_pass(response.error());
    }
    if (answer.credentials) {
      sts_budget_.give_back();
      co_return std::move(*answer.credentials);
    }
    if (!answer.may_pass) co_return std::move(answer.error);
    const auto wait = retry.next(http::Retry::Time::clock::now(), http::chance());
    if (!wait) co_return std::move(answer.error);
    co_await http::pause(*wait);
  }
}

awaitable<Result<std::string>> CredentialSources::read_token(std::string path) {
  auto job = [path]() noexcept { return blocking::read_small_file(path, kTokenLimit); };
  auto read = co_await offload(pool_, std::move(job));
  if (!read) co_return std::move(read).error();
  if (!read.value()) co_return denied("there is no token file " + path);
  std::string token = std::move(*read.value());
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= 0x20U) token.pop_back();
  if (token.empty()) co_return denied("the token file " + path + " is empty");
  co_return token;
}

Result<std::string> CredentialSources::sts_endpoint() const {
  if (!settings_.sts_endpoint.empty()) return settings_.sts_endpoint;
  if (std::string set = endpoint_in(environment_, "STS"); !set.empty()) return set;
  auto endpoint = service_endpoint("sts", settings_.region, settings_.dns_suffix);
  if (!endpoint) return denied("STS: '" + settings_.region + "' is not the name of a region of AWS");
  return std::move(*endpoint);
}

}  // namespace mooring::backends::aws
