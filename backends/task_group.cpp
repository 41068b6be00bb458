#include "backends/task_group.h"

#include <exception>
#include <list>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace mooring::backends {
namespace asio = boost::asio;

struct TaskGroup::State {
  explicit State(const asio::any_io_executor& executor) : changed(executor) {}

  void cancel() {
    for (auto& cancellation : cancellations) cancellation.emit(asio::cancellation_type::terminal);
  }

  asio::steady_timer changed;  // cancelled whenever one of them has ended
  std::list<asio::cancellation_signal> cancellations;
  std::size_t started = 0;
  std::size_t ended = 0;
};

TaskGroup::TaskGroup(const boost::asio::any_io_executor& executor) : state_(std::make_shared<State>(executor)) {}

TaskGroup::~TaskGroup() {
  if (running() > 0) state_->cancel();
}

void TaskGroup::start(asio::awaitable<void> task) {
  asio::cancellation_signal& cancellation = state_->cancellations.emplace_back();
  ++state_->started;
  auto ended = [state = state_](const std::exception_ptr&) {
    ++state->ended;
    state->changed.cancel();
  };
  asio::co_spawn(state_->changed.get_executor(), std::move(task),
                 asio::bind_cancellation_slot(cancellation.slot(), std::move(ended)));
}

std::size_t TaskGroup::running() const { return state_->started - state_->ended; }

std::size_t TaskGroup::ended() const { return state_->ended; }

asio::awaitable<void> TaskGroup::wait(std::size_t ended, Time until) {
  if (state_->ended > ended) co_return;
  state_->changed.expires_at(until);
  co_await state_->changed.async_wait(asio::as_tuple(asio::use_awaitable));
  // The timer's own error does not tell whether a task has ended or the one that waits was cancelled: then it may not
  // go on and start another.
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<void> TaskGroup::finish() {
  if (running() > 0) state_->cancel();
  while (running() > 0) co_await wait(state_->ended);
}

}  // namespace mooring::backends
