// Calls a client from a test that is no coroutine.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "backends/http/client.h"

namespace mooring::backends::http {

template <class T>
boost::asio::awaitable<void> put_into(std::optional<T>& value, boost::asio::awaitable<T> work) {
  value.emplace(co_await std::move(work));
}

/// Runs until the coroutine ends; not until there is nothing to do, for connections are kept alive.
template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
  std::optional<T> value;
  std::exception_ptr thrown;
  bool ended = false;
  boost::asio::co_spawn(io, put_into(value, std::move(work)), [&](const std::exception_ptr& exception) {
    thrown = exception;
    ended = true;
  });
  io.restart();
  while (!ended && io.run_one() > 0) {
  }
  if (thrown) std::rethrow_exception(thrown);
  return std::move(value).value();
}

/// A client and what it runs on.
struct Caller {
  explicit Caller(ClientSettings settings = {}) : client(io.get_executor(), std::move(settings)) {}

  Result<Response> send(Request request, Limits limits = {}) {
    return run(io, client.send(std::move(request), limits));
  }
  Result<Response> get(const std::string& url, Limits limits = {}) {
    Request request;
    request.url = url;
    return send(std::move(request), limits);
  }

  boost::asio::io_context io{1};
  Client client;
};

/// "timed_out: message", or "status body": what a test compares, and prints when it fails.
inline std::string text(const Result<Response>& result) {
  if (result) return std::to_string(result.value().status) + " " + result.value().body;
  constexpr const char* kNames[] = {"bad_request", "unresolved", "unreachable", "untrusted",
                                    "timed_out",   "too_large",  "broken"};
  const Error& error = result.error();
  return std::string(kNames[static_cast<int>(error.code)]) + (error.maybe_received ? ", maybe received: " : ": ") +
         error.message;
}

}  // namespace mooring::backends::http
