#include "backends/http/proxy.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <boost/asio/ip/address.hpp>

#include "backends/http/text.h"

namespace mooring::backends::http {
namespace {

namespace ip = boost::asio::ip;

std::string first_set(const Environment& environment, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const auto value = variable(environment, name); !value.empty()) return std::string(value);
  }
  return {};
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<ip::address> address(std::string_view text) {
  boost::system::error_code error;
  const auto result = ip::make_address(text, error);
  if (error) return std::nullopt;
  return result;
}

template <std::size_t size>
bool same_start(const std::array<unsigned char, size>& left, const std::array<unsigned char, size>& right,
                unsigned bits) {
  for (std::size_t i = 0; i < size && bits > 0; ++i) {
    const unsigned taken = bits < 8 ? bits : 8;
    const unsigned differing = static_cast<unsigned>(left[i] ^ right[i]) >> (8 - taken);
    if (differing != 0) return false;
    bits -= taken;
  }
  return true;
}

bool in_block(const ip::address& host, std::string_view network, std::string_view length) {
  const auto start = address(network);
  const auto bits = number(length);
  if (!start || !bits || start->is_v4() != host.is_v4()) return false;
  if (*bits > (host.is_v4() ? 32U : 128U)) return false;
  if (host.is_v4()) return same_start(host.to_v4().to_bytes(), start->to_v4().to_bytes(), *bits);
  return same_start(host.to_v6().to_bytes(), start->to_v6().to_bytes(), *bits);
}

/// Takes `:port` off the end of an entry, and the brackets off an address; nothing: the entry is not one.
std::optional<std::string_view> take_port(std::string_view& entry) {
  std::string_view port;
  if (!entry.empty() && entry.front() == '[') {
    const auto end = entry.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = entry.substr(end + 1);
    entry = entry.substr(1, end - 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    return rest.empty() ? rest : rest.substr(1);
  }
  const auto colon = entry.find(':');
  // More than one colon: an IPv6 address.
  if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) return port;
  port = entry.substr(colon + 1);
  entry = entry.substr(0, colon);
  return port;
}

bool matches_name(std::string_view pattern, std::string_view host) {
  // curl ignores a dot in front, Go takes a star before it too: the domain and all below it are meant.
  if (pattern.substr(0, 2) == "*.") pattern.remove_prefix(1);
  if (pattern.substr(0, 1) == ".") pattern.remove_prefix(1);
  if (!pattern.empty() && pattern.back() == '.') pattern.remove_suffix(1);
  if (pattern.empty() || host.size() < pattern.size()) return false;
  const auto start = host.size() - pattern.size();
  if (!same_word(host.substr(start), pattern)) return false;
  return start == 0 || host[start - 1] == '.';
}

bool matches(std::string_view entry, std::string_view host, unsigned port) {
  if (entry == "*") return true;
  const auto host_address = address(host);
  if (const auto slash = entry.find('/'); slash != std::string_view::npos)
    return host_address && in_block(*host_address, entry.substr(0, slash), entry.substr(slash + 1));
  const auto entry_port = take_port(entry);
  if (!entry_port) return false;
  if (!entry_port->empty() && number(*entry_port) != port) return false;
  if (host_address) return address(entry) == host_address;
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return matches_name(entry, host);
}

}  // namespace

Proxies proxies_from(const Environment& environment) {
  Proxies proxies;
  proxies.http = first_set(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
  proxies.https = first_set(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  const std::string exceptions = first_set(environment, {"no_proxy", "NO_PROXY"});
  constexpr std::string_view kBetween = ", \t\r\n";
  for (std::size_t start = exceptions.find_first_not_of(kBetween); start != std::string::npos;) {
    const std::size_t end = exceptions.find_first_of(kBetween, start);
    proxies.exceptions.push_back(exceptions.substr(start, end - start));
    start = exceptions.find_first_not_of(kBetween, end);
  }
  return proxies;
}

std::string proxy_for(const Proxies& proxies, std::string_view scheme, std::string_view host, unsigned port) {
  for (const std::string& entry : proxies.exceptions) {
    if (matches(entry, host, port)) return {};
  }
  if (scheme == "https") return proxies.https;
  return scheme == "http" ? proxies.http : std::string{};
}

}  // namespace mooring::backends::http
