// Something changed: wakes every coroutine that waits for it. For one thread; the state itself is looked at afterwards.
#pragma once

#include <list>
#include <tuple>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/act/clock.h"

namespace mooring::agent::act {

class Signal {
 public:
  explicit Signal(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void notify() {
    ++count_;
    for (Timer& waiter : waiters_) waiter.cancel();
  }

  /// How often it was notified. Whoever looks at the state, and that takes a while, compares this before and after:
  /// then nothing that happened meanwhile is missed.
  [[nodiscard]] std::uint64_t count() const { return count_; }

  boost::asio::awaitable<void> wait() { return wait_until(Clock::time_point::max()); }

  /// Returns at the next notify() or at `deadline`, whichever comes first. The signal must outlive the wait.
  boost::asio::awaitable<void> wait_until(Clock::time_point deadline) {
    Clock::is_awaited(deadline);
    const auto waiter = waiters_.emplace(waiters_.end(), executor_, deadline);
    co_await waiter->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    waiters_.erase(waiter);
  }

 private:
  boost::asio::any_io_executor executor_;
  std::uint64_t count_ = 0;
  std::list<Timer> waiters_;
};

}  // namespace mooring::agent::act
