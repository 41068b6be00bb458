// A coroutine of moord waits in simulated time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "world.h"

namespace mooring::sim {

inline boost::asio::awaitable<void> sleep(Duration duration) {
  const auto executor = co_await boost::asio::this_coro::executor;
  agent::act::Timer timer(executor, Clock::now() + duration);
  Clock::is_awaited(timer.expiry());
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace mooring::sim
