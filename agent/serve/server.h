// HTTP/1.1 on a unix socket.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>

#include "agent/serve/http.h"

namespace mooring::agent::serve {

/// What a client may cost.
struct Limits {
  static constexpr std::size_t kBody = 1024UL * 1024;  // bytes; a goal of thousands of mounts is smaller
  static constexpr std::size_t kHeader = 16UL * 1024;  // bytes
  static constexpr std::size_t kConnections = 1024;    // most of them wait
  static constexpr std::size_t kOfOthers = 768;        // of users other than root and our own: who can mend it gets in
  static constexpr std::size_t kOfOneUser = 256;       // of each of them: none of them locks the others out
  static constexpr int kReadSeconds = 10;              // for a request, once it has begun
  static constexpr int kIdleSeconds = 60;              // between two requests
  static constexpr int kWriteSeconds = 30;
  static constexpr std::size_t kDrain =
      16UL * 1024 * 1024;  // bytes that are still taken from a client that was refused
  static constexpr int kDrainSeconds = 2;
};

class Server {
 public:
  struct Error {
    std::string message;
  };
  template <class T>
  using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

  Server(boost::asio::any_io_executor executor, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens on a unix socket at `path`, mode 0660, of the group `mooring` where there is one. A socket that is left
  /// from an earlier run is replaced; anything else at that path is an error.
  Result<void> listen(const std::string& path);

  /// Takes what comes to a unix socket that somebody else (the service manager) listens on at `path`: it is neither
  /// made nor removed here, and goes on after stop(). `descriptor` is duplicated.
  Result<void> listen_at(int descriptor, const std::string& path);

  /// Answers who is at the other end of `connected`, as if listen() had accepted it.
  void serve(boost::asio::local::stream_protocol::socket connected);

  /// Takes no more requests and closes idle connections. Returns when the requests under way are answered; those that
  /// wait for something have to be woken by the caller.
  boost::asio::awaitable<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mooring::agent::serve
