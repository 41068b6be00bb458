#include "backends/http/wire.h"

#include <algorithm>
#include <array>

#include "backends/http/text.h"

namespace mooring::backends::http {
namespace {

using std::string_view;

/// RFC 9110, 5.6.2.
bool is_token(string_view text) {
  constexpr string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != string_view::npos;
  });
}

/// RFC 9110, 5.5: no control characters but the tab.
bool is_field_value(string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool is_own(string_view name) {
  constexpr std::array<string_view, 7> kOwn{
      "Host", "Content-Length", "Transfer-Encoding", "Connection", "User-Agent", "Proxy-Authorization", "Upgrade"};
  return std::any_of(kOwn.begin(), kOwn.end(), [&](string_view own) { return same_word(name, own); });
}

bool has_content(const Request& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

void add(std::string& text, string_view name, string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string Route::key() const {
  std::string key = std::string(url.scheme()) + "://" + url.host_and_port();
  if (proxy) key += " by " + proxy->host_and_port();
  return key;
}

Result<void> check_request(const Request& request) {
  const auto refuse = [](std::string message) { return Error{Errc::bad_request, std::move(message), false}; };
  if (!is_token(request.method)) return refuse("the method of a request is not a word");
  if (request.method == "CONNECT") return refuse("CONNECT is the client's own business");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return refuse("the name of a header has characters that it may not have");
    if (is_own(name)) return refuse("the header " + name + " is the client's own business");
    if (!is_field_value(value)) return refuse("the header " + name + " has characters that it may not have");
  }
  return boost::outcome_v2::success();
}

std::string request_text(const Request& request, const Route& route, const std::string& user_agent) {
  const bool asks_proxy = route.proxy && !route.url.tls;
  std::string text = request.method + " ";
  if (asks_proxy) text += "http://" + route.url.authority();
  text += route.url.target + " HTTP/1.1\r\n";
  add(text, "Host", route.url.authority());
  if (!user_agent.empty()) add(text, "User-Agent", user_agent);
  if (asks_proxy && !route.proxy->authorization.empty()) add(text, "Proxy-Authorization", route.proxy->authorization);
  for (const auto& [name, value] : request.headers) add(text, name, value);
  if (has_content(request)) add(text, "Content-Length", std::to_string(request.body.size()));
  return text + "\r\n" + request.body;
}

std::string connect_text(const Route& route, const std::string& user_agent) {
  std::string text = "CONNECT " + route.url.host_and_port() + " HTTP/1.1\r\n";
  add(text, "Host", route.url.host_and_port());
  if (!user_agent.empty()) add(text, "User-Agent", user_agent);
  if (!route.proxy->authorization.empty()) add(text, "Proxy-Authorization", route.proxy->authorization);
  return text + "\r\n";
}

}  // namespace mooring::backends::http
