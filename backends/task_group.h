// Coroutines that run beside the one that started them, and end with it. For one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace mooring::backends {

class TaskGroup {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit TaskGroup(const boost::asio::any_io_executor& executor);
  /// Cancels what still runs, and does not wait for it.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// A task owns what it uses, or uses what outlives the executor's work: should the one that started it be cancelled,
  /// it may end a little later. What it throws is dropped.
  void start(boost::asio::awaitable<void> task);

  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] std::size_t ended() const;

  /// Returns when more than `ended` of them have ended, or at `until`. Throws operation_aborted when the one that waits
  /// is cancelled, as Asio's operations do.
  boost::asio::awaitable<void> wait(std::size_t ended, Time until = Time::max());

  /// Cancels what still runs, and waits until it has ended.
  boost::asio::awaitable<void> finish();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mooring::backends
