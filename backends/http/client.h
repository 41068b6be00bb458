// The one HTTP client of all backends and of the reporter: HTTP/1.1, TLS, keep-alive, proxies, limits. It does not
// follow redirects, keeps no cookies, and does not try again (see retry.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "backends/http/message.h"
#include "backends/http/proxy.h"

namespace mooring::backends::http {

struct ClientSettings {
  std::string user_agent;
  std::string ca_file;  // PEM; empty: the system's store (SSL_CERT_FILE and SSL_CERT_DIR are heeded)
  Proxies proxies;
  std::size_t idle_connections = 4;            // kept alive for each origin, at most
  std::chrono::milliseconds idle_time{20000};  // how long
  /// Addresses of a name, in place of getaddrinfo(3), for tests. May block: it is called on a thread of its own, which
  /// nobody waits for. Not asked where a URL has an address. Nothing found: the name is not known.
  std::function<std::vector<std::string>(const std::string& name)> look_up;
};

/// For one thread: that of its executor, whose context it must not outlive. TLS is set up when it is first needed.
/// Connections that are kept alive are work for the executor, until idle_time is up or the client is gone.
class Client {
 public:
  Client(boost::asio::any_io_executor executor, ClientSettings settings);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// One request, one answer, whatever its status. Ends within `limits.total`. Does not block. The only exception is
  /// that of a cancelled coroutine, operation_aborted, as with Asio's own operations.
  boost::asio::awaitable<Result<Response>> send(Request request, Limits limits = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mooring::backends::http
