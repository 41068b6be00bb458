#include "backends/aws/sts.h"

#include <algorithm>
#include <array>
#include <utility>

#include <pugixml.hpp>

#include "backends/aws/encode.h"
#include "backends/aws/quote.h"
#include "backends/aws/time.h"
#include "backends/http/retry.h"

namespace mooring::backends::aws {
namespace {

// A token that the identity provider could not be asked about, and too many requests (as the retry rules of the SDKs).
constexpr std::array<std::string_view, 6> kPassing{"IDPCommunicationError", "Throttling",
                                                   "ThrottlingException",   "ThrottledException",
                                                   "RequestThrottled",      "RequestThrottledException"};

http::Request post(const std::string& endpoint, const std::vector<std::pair<std::string_view, std::string>>& fields) {
  http::Request request;
  request.method = "POST";
  request.url = endpoint.ends_with('/') ? endpoint : endpoint + "/";
  request.headers = {{"Accept", "text/xml"}, {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (!request.body.empty()) request.body += '&';
    request.body.append(name).append("=");
    append_encoded(request.body, value);
  }
  return request;
}

std::string text(const pugi::xml_node& parent, const char* name) { return parent.child(name).text().as_string(); }

StsAnswer failed(Errc code, std::string message, bool may_pass = false) {
  StsAnswer answer;
  answer.error = {code, std::move(message), {}};
  answer.may_pass = may_pass;
  return answer;
}

StsAnswer read_error(const http::Response& response, const pugi::xml_document& document,
                     const std::vector<std::string_view>& secrets) {
  const auto error = document.child("ErrorResponse").child("Error");
  const std::string code = text(error, "Code");
  std::string message = "STS answers " + std::to_string(response.status);
  if (!code.empty()) message += " " + quote(code, secrets) + ": " + quote(text(error, "Message"), secrets);
  const bool passing = std::find(kPassing.begin(), kPassing.end(), code) != kPassing.end();
  // Without a code it may be anybody's answer: a proxy's, or a portal's.
  const bool denied =
      response.status >= 400 && response.status < 500 && !passing && !code.empty() && !http::may_pass(response.status);
  return failed(denied ? Errc::denied : Errc::unavailable, std::move(message), passing);
}

}  // namespace

http::Request assume_role(const std::string& endpoint, const AssumedRole& role, const std::string& session) {
  return post(endpoint, {{"Action", "AssumeRole"},
                         {"Version", "2011-06-15"},
                         {"RoleArn", role.arn},
                         {"RoleSessionName", session},
                         {"ExternalId", role.external_id},
                         {"DurationSeconds", role.duration ? std::to_string(role.duration->count()) : std::string{}}});
}

http::Request assume_role_with_web_identity(const std::string& endpoint, const WebIdentity& identity,
                                            const std::string& session, const std::string& token) {
  return post(endpoint, {{"Action", "AssumeRoleWithWebIdentity"},
                         {"Version", "2011-06-15"},
                         {"RoleArn", identity.role_arn},
                         {"RoleSessionName", session},
                         {"WebIdentityToken", token}});
}

std::string session_name(std::chrono::system_clock::time_point now) {
  return "mooring-" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

StsAnswer read_sts_answer(const http::Response& response, const std::vector<std::string_view>& secrets) {
  pugi::xml_document document;
  const bool readable = static_cast<bool>(document.load_buffer(response.body.data(), response.body.size()));
  if (!response.ok()) return read_error(response, document, secrets);
  // AssumeRoleResponse/AssumeRoleResult/Credentials, or the same with WebIdentity in the names.
  const auto found = document.first_child().find_child(
      [](const pugi::xml_node& child) { return std::string_view(child.name()).ends_with("Result"); });
  const auto given = found.child("Credentials");
  Credentials credentials;
  credentials.access_key_id = text(given, "AccessKeyId");
  credentials.secret_access_key = text(given, "SecretAccessKey");
  credentials.session_token = text(given, "SessionToken");
  credentials.expires = read_time(text(given, "Expiration"));
  if (!readable || credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
      credentials.session_token.empty() || !credentials.expires)
    return failed(Errc::unavailable, "STS answers something that is not readable");
  StsAnswer answer;
  answer.credentials = std::move(credentials);
  return answer;
}

}  // namespace mooring::backends::aws
