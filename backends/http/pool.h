// Connections that wait for another request. For one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "backends/http/connection.h"
#include "backends/http/deadline.h"

namespace mooring::backends::http {

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  /// At most `most` for each key, each for `idle_time`.
  Pool(const boost::asio::any_io_executor& executor, std::size_t most, std::chrono::milliseconds idle_time);

  /// The one that was used last and is still good; nullptr: none.
  std::unique_ptr<Connection> take(const std::string& key);
  void put(const std::string& key, std::unique_ptr<Connection> connection);

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    Time until;
  };

  void close_old();

  std::size_t most_;
  std::chrono::milliseconds idle_time_;
  std::map<std::string, std::deque<Idle>, std::less<>> idle_;  // the oldest first
  boost::asio::steady_timer timer_;
  bool waiting_ = false;
};

}  // namespace mooring::backends::http
