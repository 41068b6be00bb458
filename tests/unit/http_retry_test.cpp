// When to ask again, and whether fetch() does.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/http/fetch.h"
#include "backends/http/retry.h"
#include "http_calls.h"
#include "http_server.h"

namespace mooring::backends::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Waits = std::optional<milliseconds>;

const Retry::Time kStart{};

TEST(HttpRetry, waits_longer_each_time_up_to_the_cap) {
  RetryBudget budget;
  Retry retry({6, 100ms, 500ms}, budget, kStart + 1h);
  EXPECT_EQ(retry.next(kStart, 0.5), Waits(50ms));
  EXPECT_EQ(retry.next(kStart, 0.5), Waits(100ms));
  EXPECT_EQ(retry.next(kStart, 0.0), Waits(0ms));
  EXPECT_EQ(retry.next(kStart, 0.99), Waits(495ms));
  EXPECT_EQ(retry.next(kStart, 0.99), Waits(495ms));
  EXPECT_EQ(retry.next(kStart, 0.5), std::nullopt);
}

TEST(HttpRetry, survives_any_number_of_attempts) {
  RetryBudget budget;
  Retry retry({1000, 1h, milliseconds::max() / 4}, budget, Retry::Time::max());
  for (int i = 0; i < 60; ++i) {
    const auto wait = retry.next(kStart, 0.0);
    ASSERT_TRUE(wait);
    EXPECT_GE(*wait, 0ms);
  }
}

TEST(HttpRetry, ends_at_the_deadline) {
  RetryBudget budget;
  Retry retry({5, 100ms, 1s}, budget, kStart + 80ms);
  EXPECT_EQ(retry.next(kStart, 0.9), std::nullopt);
  EXPECT_EQ(retry.next(kStart, 0.5), Waits(50ms));
  EXPECT_EQ(retry.next(kStart + 80ms, 0.0), std::nullopt);
}

TEST(HttpRetry, heeds_what_the_service_asks_for) {
  RetryBudget budget;
  Retry retry({5, 100ms, 1s}, budget, kStart + 10s);
  EXPECT_EQ(retry.next(kStart, 0.5, 3s), Waits(3s));
  EXPECT_EQ(retry.next(kStart, 0.5, 0s), Waits(100ms));
  EXPECT_EQ(retry.next(kStart, 0.5, 10s), std::nullopt);
}

TEST(HttpRetry, budget_is_shared_and_comes_back_with_successes) {
  RetryBudget budget;
  const auto another = [&budget] { return Retry({2, 1ms, 1ms}, budget, kStart + 1h).next(kStart, 0).has_value(); };
  int retries = 0;
  while (another()) ++retries;
  EXPECT_EQ(retries, 100);
  for (int i = 0; i < 4; ++i) budget.give_back();
  EXPECT_FALSE(another());
  budget.give_back();
  EXPECT_TRUE(another());
  EXPECT_FALSE(another());
  for (int i = 0; i < 10000; ++i) budget.give_back();
  for (retries = 0; another(); ++retries) {
  }
  EXPECT_EQ(retries, 100);
}

TEST(HttpRetry, a_retry_that_comes_too_late_takes_nothing_from_the_budget) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(Retry({2, 1ms, 1ms}, budget, kStart + 1s).next(kStart, 0, 2s));
  EXPECT_TRUE(budget.take());
}

TEST(HttpRetry, tells_what_may_pass) {
  for (const unsigned status : {408, 425, 429, 500, 502, 503, 504}) EXPECT_TRUE(may_pass(status)) << status;
  for (const unsigned status : {200, 301, 400, 401, 403, 404, 409, 410, 501, 505})
    EXPECT_FALSE(may_pass(status)) << status;
  for (const Errc code : {Errc::unresolved, Errc::unreachable, Errc::timed_out, Errc::broken})
    EXPECT_TRUE(may_pass(Error{code, "", true}));
  for (const Errc code : {Errc::bad_request, Errc::untrusted, Errc::too_large})
    EXPECT_FALSE(may_pass(Error{code, "", false}));
}

TEST(HttpRetryAfter, is_a_number_of_seconds_or_a_date_in_any_of_three_forms) {
  const auto now = std::chrono::system_clock::from_time_t(784111777 - 30);  // the date below, less 30 s
  const auto asked = [now](const std::string& value) {
    return retry_after(Response{503, {{"retry-after", value}}, ""}, now);
  };
  EXPECT_EQ(asked("7"), Waits(7s));
  EXPECT_EQ(asked("0"), Waits(0s));
  EXPECT_EQ(asked("99999999999999999999999"), Waits(24h));
  EXPECT_EQ(asked("9223372036854775807"), Waits(24h));
  EXPECT_EQ(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Waits(30s));
  EXPECT_EQ(asked("Sunday, 06-Nov-94 08:49:37 GMT"), Waits(30s));
  EXPECT_EQ(asked("Sun Nov  6 08:49:37 1994"), Waits(30s));
  EXPECT_EQ(asked("Sun, 06 Nov 1990 08:49:37 GMT"), Waits(0s));
  for (const char* value : {"", "-1", "1.5", "soon", "7 s", "Sun, 06 Nov", "Sun, 06 Foo 1994 08:49:37 GMT"})
    EXPECT_EQ(asked(value), std::nullopt) << value;
  EXPECT_EQ(retry_after(Response{503, {}, ""}, now), std::nullopt);
}

TEST(HttpChance, is_at_least_nought_and_less_than_one) {
  for (int i = 0; i < 10000; ++i) {
    const double value = chance();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
  }
}

/// Each entry answers one request; an empty one ends the connection instead.
class Script {
 public:
  explicit Script(std::vector<std::string> answers) : answers_(std::move(answers)) {}

  std::string fetch(Request request, std::chrono::milliseconds within = 1min) {
    std::atomic<std::size_t> next = 0;
    const Server server([&](Peer& peer) {
      while (!peer.read_request().empty()) {
        const std::string& bytes = answers_.at(next++);
        if (bytes.empty()) return;
        peer.write(bytes);
      }
    });
    Caller caller;
    request.url = server.url();
    RetryBudget budget;
    auto work = http::fetch(caller.client, std::move(request), {}, {3, 1ms, 2ms}, budget, within);
    const auto result = run(caller.io, std::move(work));
    asked = next;
    return text(result);
  }

  std::size_t asked = 0;

 private:
  std::vector<std::string> answers_;
};

Request not_repeatable() {
  Request request;
  request.method = "POST";
  request.repeatable = false;
  return request;
}

TEST(HttpFetch, asks_again_until_the_answer_is_one_that_stays) {
  Script script({answer(503, ""), "", answer(404, "no")});
  EXPECT_EQ(script.fetch({}), "404 no");
  EXPECT_EQ(script.asked, 3U);
}

TEST(HttpFetch, gives_the_last_answer_when_the_attempts_are_used_up) {
  Script script({answer(500, "a"), answer(502, "b"), answer(504, "c")});
  EXPECT_EQ(script.fetch({}), "504 c");
}

TEST(HttpFetch, does_not_wait_beyond_its_time) {
  Script script({answer(503, "later", "Retry-After: 3600\r\n")});
  EXPECT_EQ(script.fetch({}), "503 later");
  EXPECT_EQ(script.asked, 1U);
}

TEST(HttpFetch, sends_what_is_not_repeatable_again_only_where_it_was_refused) {
  Script refused({answer(429, ""), answer(503, ""), answer(200, "done")});
  EXPECT_EQ(refused.fetch(not_repeatable()), "200 done");
  Script doubtful({answer(500, "who knows")});
  EXPECT_EQ(doubtful.fetch(not_repeatable()), "500 who knows");
  Script ended({""});
  EXPECT_EQ(ended.fetch(not_repeatable()).substr(0, 22), "broken, maybe received");
  EXPECT_EQ(ended.asked, 1U);
}

}  // namespace
}  // namespace mooring::backends::http
