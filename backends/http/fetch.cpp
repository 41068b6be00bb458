#include "backends/http/fetch.h"

#include <algorithm>
#include <random>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "backends/http/deadline.h"

namespace mooring::backends::http {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

/// Statuses that say that nothing was done (RFC 9110, 15.5.9 and 15.6.4; RFC 8470; RFC 6585).
bool was_refused(unsigned status) { return status == 408 || status == 425 || status == 429 || status == 503; }

bool worth_another(const Result<Response>& result, bool repeatable) {
  if (!result) return may_pass(result.error()) && (repeatable || !result.error().maybe_received);
  return may_pass(result.value().status) && (repeatable || was_refused(result.value().status));
}

}  // namespace

asio::awaitable<Result<Response>> fetch(Client& client, Request request, Limits limits, RetryPolicy policy,
                                        RetryBudget& budget, milliseconds within) {
  const Time deadline = after(within);
  Retry retry(policy, budget, deadline);
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    Limits attempt = limits;
    attempt.total = std::min(limits.total, left);
    Request copy = request;
    Result<Response> result = co_await client.send(std::move(copy), attempt);
    if (!worth_another(result, request.repeatable)) {
      if (result) budget.give_back();
      co_return result;
    }
    std::optional<milliseconds> asked;
    if (result) asked = retry_after(result.value(), std::chrono::system_clock::now());
    const auto wait = retry.next(Clock::now(), chance(), asked);
    if (!wait) co_return result;
    co_await pause(*wait);
  }
}

asio::awaitable<void> pause(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

double chance() {
  thread_local std::mt19937_64 source{std::random_device{}()};
  // The upper 53 bits, as many as a double holds: never rounded up to 1.
  return static_cast<double>(source() >> 11U) * 0x1.0p-53;
}

}  // namespace mooring::backends::http
