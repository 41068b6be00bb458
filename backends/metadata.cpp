#include "backends/metadata.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "backends/http/fetch.h"
#include "backends/task_group.h"

namespace mooring::backends {
namespace asio = boost::asio;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr milliseconds kStagger{100};        // before the next base is tried too
constexpr milliseconds kFirstLimit{300};     // of the first attempt; doubled for each one after it
constexpr milliseconds kLargestLimit{3000};  // of one attempt
constexpr milliseconds kFirstWait{50};       // after the first attempt; doubled likewise
constexpr milliseconds kLargestWait{1000};
constexpr milliseconds kWithin{5000};                  // of get_text(), where the patience does not end earlier
constexpr std::size_t kLargestAnswer = 1024UL * 1024;  // user data is in some of them: 64 KiB at most

/// The same request to several bases.
struct Race {
  std::optional<std::size_t> winner;
  std::optional<Result<http::Response>> answer;  // of the winner; else the last error
};

Error failed(const std::string& request, const http::Error& error) {
  return {Errc::unavailable, request + ": " + error.message, {}};
}

milliseconds left_until(Clock::time_point end) {
  return std::max(std::chrono::ceil<milliseconds>(end - Clock::now()), milliseconds{0});
}

http::Limits limits_of(milliseconds limit) {
  return {.connect = limit, .read = limit, .total = limit, .body = kLargestAnswer};
}

Clock::time_point after(milliseconds time, Clock::time_point end) { return std::min(Clock::now() + time, end); }

bool passes(const Result<http::Response>& answer) {
  return !answer || answer.value().status == 429 || answer.value().status >= 500;
}

/// One of them. Owns its part of the race: it may end after it.
asio::awaitable<void> run(http::Client& client, std::shared_ptr<Race> race, std::size_t number, http::Request request,
                          milliseconds limit) {
  const std::string name = request.method + " " + request.url;
  const http::Limits limits = limits_of(limit);
  auto answer = co_await client.send(std::move(request), limits);
  if (race->winner) co_return;
  if (!answer) {
    if (!race->answer) race->answer = failed(name, answer.error());
    co_return;
  }
  race->answer = std::move(answer).value();
  if (!passes(*race->answer)) race->winner = number;
}

}  // namespace

Metadata::Metadata(http::Client& client, std::vector<std::string> bases)
    : Metadata(client, std::move(bases), Patience{}) {}

Metadata::Metadata(http::Client& client, std::vector<std::string> bases, Patience patience)
    : client_(client), bases_(std::move(bases)), patience_(patience) {}

asio::awaitable<Result<http::Response>> Metadata::race(http::Request request, std::string path, Time end) {
  auto race = std::make_shared<Race>();
  TaskGroup group(co_await asio::this_coro::executor);
  for (std::size_t next = 0; !race->winner && (next < bases_.size() || group.running() > 0);) {
    const std::size_t ended = group.ended();
    Time until = Time::max();
    if (next < bases_.size()) {
      http::Request one = request;
      one.url = bases_[next] + path;
      group.start(run(client_, race, next, std::move(one), left_until(end)));
      until = Clock::now() + kStagger;
      ++next;
    }
    co_await group.wait(ended, until);
  }
  co_await group.finish();
  if (race->winner) {
    preferred_ = *race->winner;
    settled_ = true;
  }
  if (!race->answer) co_return Error{Errc::unavailable, request.method + " " + path + ": nobody could be asked", {}};
  co_return std::move(*race->answer);
}

asio::awaitable<Result<http::Response>> Metadata::send(std::string method, std::string path, http::Headers headers,
                                                       milliseconds limit) {
  http::Request request{.method = std::move(method),
                        .url = base() + path,
                        .headers = std::move(headers),
                        .body = {},
                        .direct = true,
                        .repeatable = true};
  const Time end = after(limit, patience_.end);
  const milliseconds left = left_until(end);
  const std::string name = request.method + " " + request.url;
  if (left == milliseconds{0}) co_return Error{Errc::unavailable, name + ": no time is left for it", {}};
  if (bases_.size() > 1 && !settled_) co_return co_await race(std::move(request), std::move(path), end);
  const http::Limits limits = limits_of(left);
  auto answer = co_await client_.send(std::move(request), limits);
  if (answer) co_return std::move(answer).value();
  settled_ = false;
  co_return failed(name, answer.error());
}

asio::awaitable<Result<http::Response>> Metadata::fetch(std::string method, std::string path, http::Headers headers,
                                                        milliseconds within) {
  const Time end = after(within, patience_.end);
  milliseconds limit = kFirstLimit;
  milliseconds wait = kFirstWait;
  for (;;) {
    const milliseconds left = left_until(end);
    const milliseconds one = patience_.again ? std::min(limit, left) : left;
    auto answer = co_await send(method, path, headers, one);
    if (!passes(answer) || !patience_.again || wait >= left_until(end)) co_return answer;
    co_await http::pause(wait);
    limit = std::min(limit * 2, kLargestLimit);
    wait = std::min(wait * 2, kLargestWait);
  }
}

const std::string& Metadata::base() const {
  static const std::string kNone;
  return bases_.empty() ? kNone : bases_[preferred_];
}

Result<std::string> text_of(Result<http::Response> answer, std::string_view request) {
  if (!answer) return std::move(answer).error();
  http::Response response = std::move(answer).value();
  if (response.status == 200) return std::move(response.body);
  const std::string message = std::string(request) + ": status " + std::to_string(response.status);
  if (response.status == 404) return Error{Errc::not_found, message, {}};
  if (response.status == 401 || response.status == 403) return Error{Errc::denied, message, {}};
  return Error{Errc::unavailable, message, {}};
}

asio::awaitable<Result<std::string>> get_text(Metadata& metadata, std::string path, http::Headers headers) {
  std::string method = "GET";
  auto answer = co_await metadata.fetch(std::move(method), path, std::move(headers), kWithin);
  const std::string request = "GET " + metadata.base() + path;
  co_return text_of(std::move(answer), request);
}

}  // namespace mooring::backends
