#include "backends/aws/metadata_credentials.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "backends/aws/quote.h"
#include "backends/aws/time.h"
#include "backends/http/retry.h"
#include "backends/http/url.h"

namespace mooring::backends::aws {
namespace {

namespace json = boost::json;

constexpr std::string_view kContainerAgent = "http://169.254.170.2";
constexpr std::array<std::string_view, 5> kAllowed{"localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23",
                                                   "::1"};

Error denied(std::string message) { return {Errc::denied, std::move(message), {}}; }
Error unreadable(const std::string& who) {
  return {Errc::unavailable, who + " answers something that is not readable", {}};
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_loopback(std::string_view host) {
  constexpr std::string_view kLoopback = "127.";
  return host.starts_with(kLoopback) && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<json::object> read_object(std::string_view text, const std::string& who) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return unreadable(who);
  return std::move(value.get_object());
}

/// Empty: it is not there, or not a string.
std::string text(const json::object& object, std::string_view key) {
  const auto* const value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

Result<Credentials> read_fields(const json::object& object, const std::string& who) {
  Credentials credentials;
  credentials.access_key_id = text(object, "AccessKeyId");
  credentials.secret_access_key = text(object, "SecretAccessKey");
  credentials.session_token = text(object, "Token");
  const std::string expiration = text(object, "Expiration");
  if (!expiration.empty()) credentials.expires = read_time(expiration);
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) return unreadable(who);
  if (!expiration.empty() && !credentials.expires) return unreadable(who);
  return credentials;
}

}  // namespace

Result<std::optional<ContainerEndpoint>> container_endpoint(const Environment& environment) {
  const auto relative = variable(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = variable(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::nullopt;
  ContainerEndpoint endpoint;
  endpoint.token = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  endpoint.token_file = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const std::string_view name =
      relative.empty() ? "AWS_CONTAINER_CREDENTIALS_FULL_URI" : "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  if (!relative.empty() && !relative.starts_with('/'))
    return denied("container endpoint: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
  endpoint.url = relative.empty() ? std::string(full) : std::string(kContainerAgent) + std::string(relative);
  const auto url = http::parse_url(endpoint.url);
  if (!url) return denied("container endpoint: " + std::string(name) + ": " + url.error().message);
  const std::string& host = url.value().host;
  const bool local = is_loopback(host) || std::find(kAllowed.begin(), kAllowed.end(), host) != kAllowed.end();
  if (!url.value().tls && !local)
    return denied("container endpoint: " + std::string(name) + " leads to '" + host +
                  "'; without https it has to be this machine, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
  endpoint.origin = std::string(url.value().scheme()) + "://" + url.value().authority();
  return endpoint;
}

Result<http::Request> container_request(const ContainerEndpoint& endpoint, const std::string& token) {
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (!printable)
    return denied("container endpoint: its authorization token has characters in it that no header takes");
  http::Request request;
  request.url = endpoint.url;
  request.direct = true;
  request.headers = {{"Accept", "application/json"}};
  if (!token.empty()) request.headers.emplace_back("Authorization", token);
  return request;
}

Result<Credentials> read_container_answer(const http::Response& response,
                                          const std::vector<std::string_view>& secrets) {
  const std::string who = "the container endpoint";
  auto object = read_object(response.body, who);
  if (response.status != 200) {
    std::string message = who + " answers " + std::to_string(response.status);
    if (object && !text(object.value(), "code").empty())
      message +=
          " " + quote(text(object.value(), "code"), secrets) + ": " + quote(text(object.value(), "message"), secrets);
    const bool refused = response.status >= 400 && response.status < 500 && !http::may_pass(response.status);
    return Error{refused ? Errc::denied : Errc::unavailable, std::move(message), {}};
  }
  if (!object) return std::move(object).error();
  return read_fields(object.value(), who);
}

Result<std::string> read_role_name(std::string_view listing) {
  const auto first = listing.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return no_instance_role();
  listing.remove_prefix(first);
  const std::string_view name = listing.substr(0, listing.find_first_of(" \t\r\n"));
  // IAM: letters, digits and + = , . @ _ -; it becomes a part of a path.
  const bool sound =
      is_visible(name) && name.find_first_of("/?#%\\<>\"") == std::string_view::npos && name.size() <= 128;
  if (!sound)
    return Error{Errc::unavailable, "the metadata service answers something that is not the name of a role", {}};
  return std::string(name);
}

Result<Credentials> read_role_credentials(std::string_view document, const std::string& role) {
  const std::string who = "the metadata service, for the role '" + role + "',";
  BOOST_OUTCOME_TRY(const auto object, read_object(document, who));
  const std::string code = text(object, "Code");
  if (!code.empty() && code != "Success")
    return denied("the role '" + role + "' of this instance gives no credentials: " + quote(code, {}) + ": " +
                  quote(text(object, "Message"), {}));
  BOOST_OUTCOME_TRY(auto credentials, read_fields(object, who));
  // Those of a role always have both.
  if (credentials.session_token.empty() || !credentials.expires) return unreadable(who);
  credentials.source = "instance role '" + role + "'";
  credentials.outlive_expiry = true;
  return credentials;
}

Error no_instance_role() {
  return denied("this instance has no role: attach an instance profile to it whose role may use its volumes");
}

}  // namespace mooring::backends::aws
