// Runs a blocking call on a thread pool while a coroutine of another executor waits for it.
#pragma once

#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mooring::backends {

/// Runs `job` on `workers`, which may block. `job` takes nothing, throws nothing, and returns a value. Its result comes
/// back on the caller's executor. The job cannot be cancelled: whoever gives up waiting leaves this to a coroutine that
/// does not.
template <class Job>
boost::asio::awaitable<std::invoke_result_t<Job>> offload(boost::asio::any_io_executor workers, Job job) {
  namespace asio = boost::asio;
  using Value = std::invoke_result_t<Job>;
  // Not co_spawn onto the pool: a coroutine there that never suspends cannot be cancelled without ending the process.
  auto initiate = [workers](auto handler, Job work) {
    auto guard = asio::make_work_guard(handler);
    asio::post(workers,
               [handler = std::move(handler), guard = std::move(guard), work = std::move(work)]() mutable noexcept {
                 Value value = work();
                 auto executor = guard.get_executor();
                 asio::post(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
                   std::move(handler)(std::move(value));
                 });
               });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(initiate, asio::use_awaitable,
                                                                                      std::move(job));
}

template <class Job>
boost::asio::awaitable<std::invoke_result_t<Job>> offload(boost::asio::thread_pool& pool, Job job) {
  return offload(boost::asio::any_io_executor(pool.get_executor()), std::move(job));
}

}  // namespace mooring::backends
