// A request and its answer as plain values: Beast stays inside server.cpp.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>

namespace mooring::agent::serve {

/// Who is at the other end of the unix socket (SO_PEERCRED).
struct Peer {
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);  // not known: nobody's
};

struct Request {
  std::string method;
  std::vector<std::string> path;             // decoded segments
  std::map<std::string, std::string> query;  // decoded
  std::string content_type;                  // without parameters, lower case
  std::string last_event_id;
  std::string body;
  Peer peer;
};

/// Sends a part of a streamed answer; false: the client has gone, or the server is stopping.
using SendPart = std::function<boost::asio::awaitable<bool>(std::string)>;

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<boost::asio::awaitable<void>(SendPart)> stream;  // instead of a body
};

using Handler = std::function<boost::asio::awaitable<Response>(Request)>;

}  // namespace mooring::agent::serve
