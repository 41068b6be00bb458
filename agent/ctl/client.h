// Talks HTTP to moord over its unix socket, one connection a request. Everything here blocks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace mooring::agent::ctl {

struct Response {
  unsigned status = 0;
  std::string body;
};

/// Why there is no response.
struct Failure {
  enum class Why {
    no_daemon,    // nobody listens; nothing was sent
    denied,       // the socket is not for this user; nothing was sent
    gone,         // connected, then the connection ended before the answer did
    silent,       // connected, but there was no answer in time
    not_http,     // somebody is there, but it is not moord
    interrupted,  // SIGINT or SIGTERM, see catch_signals
  };
  Why why = Why::no_daemon;
  std::string reason;
  int signal = 0;  // with interrupted
};

using Reply = std::variant<Response, Failure>;

struct Call {
  std::string_view method = "GET";
  std::string target;  // path and query, encoded
  std::string body;    // JSON; empty: none
  /// How long the server may take beyond what it takes to be reached.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  /// Nothing is waited for any longer.
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
};

/// Takes a part of a streamed body; false: enough.
using OnPart = std::function<bool(std::string_view)>;

class Client {
 public:
  explicit Client(std::string socket);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// From now on SIGINT and SIGTERM end the request under way, and every later one, instead of the process.
  void catch_signals();

  [[nodiscard]] Reply send(const Call& call);

  /// Gives a body of no known end to `on_part` as it comes, while the status is 200; of any other the body is in the
  /// response. Returns when the server or `on_part` ends it, or its time is over. `on_part` must not use this client.
  [[nodiscard]] Reply stream(const Call& call, const OnPart& on_part);

  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  struct Loop;
  std::string socket_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace mooring::agent::ctl
