// What is written on a connection for a request. Pure.
#pragma once

#include <optional>
#include <string>

#include "backends/http/message.h"
#include "backends/http/url.h"

namespace mooring::backends::http {

/// Where a request goes: to the server itself, or to it by way of a proxy.
struct Route {
  Url url;
  std::optional<ProxyAddress> proxy;

  /// The same for requests that can share a connection.
  [[nodiscard]] std::string key() const;
};

/// Errors: bad_request, where a method or a header would end a line or is the client's own business. Messages name the
/// header, not its value.
Result<void> check_request(const Request& request);

/// A request that was checked, head and body.
std::string request_text(const Request& request, const Route& route, const std::string& user_agent);

/// What asks a proxy for a tunnel to the server.
std::string connect_text(const Route& route, const std::string& user_agent);

}  // namespace mooring::backends::http
