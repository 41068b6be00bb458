// Makes connections to servers, by way of a proxy or not.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "backends/http/connection.h"
#include "backends/http/deadline.h"
#include "backends/http/message.h"
#include "backends/http/resolver.h"
#include "backends/http/tls.h"
#include "backends/http/wire.h"

namespace mooring::backends::http {

class Dialer {
 public:
  Dialer(boost::asio::any_io_executor executor, Resolver& resolver, Tls& tls, std::string user_agent);

  /// Tries the addresses one after another, each for `limits.connect` at most. What comes back is ready for a request.
  /// Errors: unresolved, unreachable, untrusted, timed_out.
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> dial(const Route& route, Limits limits, Time deadline);

 private:
  boost::asio::awaitable<Result<void>> prepare(Connection& connection, const Route& route, Time deadline);
  boost::asio::awaitable<Result<void>> open_tunnel(Connection& connection, const Route& route, Time deadline);

  boost::asio::any_io_executor executor_;
  Resolver& resolver_;
  Tls& tls_;
  std::string user_agent_;
};

}  // namespace mooring::backends::http
