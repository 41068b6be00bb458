// The URLs that a client is given: of a service, and of a proxy. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/http/message.h"

namespace mooring::backends::http {

struct Url {
  bool tls = false;
  std::string host;  // lower case, without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query, still encoded; at least "/"

  [[nodiscard]] std::string_view scheme() const { return tls ? "https" : "http"; }
  /// As the Host header has it: with brackets around an IPv6 address, without the scheme's own port.
  [[nodiscard]] std::string authority() const;
  /// With brackets and always with the port: for CONNECT, and for messages.
  [[nodiscard]] std::string host_and_port() const;
};

/// Errors: bad_request. The message has nothing of the URL in it, as its query may hold a signature.
Result<Url> parse_url(std::string_view text);

struct ProxyAddress {
  std::string host;  // as in Url
  std::uint16_t port = 0;
  std::string authorization;  // value of Proxy-Authorization; empty: none. A secret.

  [[nodiscard]] std::string host_and_port() const;
};

/// `http://user:password@host:port`, all but the host optional; the port is 80 if there is none, as for any http://
/// URL. Errors: bad_request, also for a proxy that wants TLS or SOCKS.
Result<ProxyAddress> parse_proxy(std::string_view text);

}  // namespace mooring::backends::http
