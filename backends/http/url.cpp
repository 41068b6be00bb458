#include "backends/http/url.h"

#include <algorithm>
#include <vector>

#include <openssl/evp.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "backends/http/text.h"

namespace mooring::backends::http {
namespace {

namespace urls = boost::urls;

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

Error bad(std::string message) { return {Errc::bad_request, std::move(message), false}; }

/// What stands in names, IPv4 and IPv6 addresses: nothing that could end a line or a word of a request.
bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':';
}

Result<std::string> host_of(const urls::url_view& url) {
  std::string host = lower(std::string_view(url.encoded_host_address().data(), url.encoded_host_address().size()));
  if (host.empty()) return bad("the URL has no host");
  if (!std::all_of(host.begin(), host.end(), is_host_character)) return bad("the URL's host is not a name");
  return host;
}

Result<std::uint16_t> port_of(const urls::url_view& url, std::uint16_t usual) {
  if (!url.has_port() || url.port().empty()) return usual;
  if (url.port_number() == 0) return bad("the URL's port is not one");
  return url.port_number();
}

std::string join(const std::string& host, std::uint16_t port, bool with_port) {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (with_port) text += ":" + std::to_string(port);
  return text;
}

std::string base64(const std::string& text) {
  std::vector<unsigned char> encoded(4 * ((text.size() + 2) / 3) + 1);
  const int length = EVP_EncodeBlock(encoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  return {encoded.begin(), encoded.begin() + length};
}

}  // namespace

std::string Url::authority() const { return join(host, port, port != (tls ? kHttpsPort : kHttpPort)); }

std::string Url::host_and_port() const { return join(host, port, true); }

std::string ProxyAddress::host_and_port() const { return join(host, port, true); }

Result<Url> parse_url(std::string_view text) {
  const auto parsed = urls::parse_uri(urls::string_view(text.data(), text.size()));
  if (!parsed) return bad("what should be the URL of a service is not a URL");
  const urls::url_view& view = parsed.value();
  Url url;
  const std::string scheme = lower(std::string_view(view.scheme().data(), view.scheme().size()));
  if (scheme != "http" && scheme != "https") return bad("the URL is neither http:// nor https://");
  url.tls = scheme == "https";
  if (view.has_userinfo()) return bad("the URL has a user or a password in it");
  if (view.has_fragment()) return bad("the URL has a fragment");
  BOOST_OUTCOME_TRY(url.host, host_of(view));
  BOOST_OUTCOME_TRY(url.port, port_of(view, url.tls ? kHttpsPort : kHttpPort));
  const auto target = view.encoded_target();
  url.target.assign(target.data(), target.size());
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  return url;
}

Result<ProxyAddress> parse_proxy(std::string_view text) {
  std::string full(text);
  if (full.find("://") == std::string::npos) full.insert(0, "http://");
  const auto parsed = urls::parse_uri(full);
  if (!parsed) return bad("the proxy's address is not a URL");
  const urls::url_view& view = parsed.value();
  const std::string scheme = lower(std::string_view(view.scheme().data(), view.scheme().size()));
  if (scheme != "http") return bad("a proxy of the kind " + scheme + ":// is not supported, only http://");
  ProxyAddress proxy;
  auto host = host_of(view);
  if (!host) return bad("the proxy's address: " + host.error().message);
  auto port = port_of(view, kHttpPort);
  if (!port) return bad("the proxy's address: " + port.error().message);
  proxy.host = std::move(host).value();
  proxy.port = port.value();
  if (view.has_userinfo()) proxy.authorization = "Basic " + base64(view.user() + ":" + view.password());
  return proxy;
}

}  // namespace mooring::backends::http
