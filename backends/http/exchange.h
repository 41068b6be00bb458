// One request and its answer on a connection that stands.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "backends/http/connection.h"
#include "backends/http/deadline.h"
#include "backends/http/message.h"

namespace mooring::backends::http {

struct Question {
  std::string text;                     // as it is written
  std::string host;                     // for messages
  bool head_only = false;               // see AnswerReader
  std::chrono::milliseconds silence{};  // between two pieces that are read or written
  Time deadline;
  std::size_t body_limit = 0;
};

struct Exchange {
  Result<Response> result;
  bool keep = false;  // the connection is good for another request
  bool dead = false;  // the connection ended before a byte of the answer: it may have been dead before
};

/// Errors: timed_out, too_large, broken; all with maybe_received. The question must outlive it.
boost::asio::awaitable<Exchange> exchange(Connection& connection, const Question& question);

}  // namespace mooring::backends::http
