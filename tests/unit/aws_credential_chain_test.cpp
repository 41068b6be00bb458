#include <deque>
#include <exception>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "backends/aws/credential_chain.h"

namespace mooring::backends::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Time = std::chrono::system_clock::time_point;
using Answer = Result<std::shared_ptr<const Credentials>>;

/// A source that answers what it is told to, when it is told to; and a clock that is set by hand.
class CredentialChainTest : public testing::Test {
 protected:
  Credentials lasting(const std::string& id, std::chrono::seconds left, bool outlive = false) {
    Credentials credentials;
    credentials.access_key_id = id;
    credentials.secret_access_key = "s";
    credentials.session_token = "t";
    credentials.expires = now_ + left;
    credentials.outlive_expiry = outlive;
    return credentials;
  }

  void will_answer(Result<Credentials> answer) { answers_.push_back(std::move(answer)); }
  void will_fail() { will_answer(Error{Errc::unavailable, "down", {}}); }

  /// A get() by another caller; its outcome is in `outcomes` when it has one.
  void start(asio::cancellation_slot slot = {}) {
    const auto index = outcomes.size();
    outcomes.emplace_back();
    auto ask = [this, index]() -> asio::awaitable<void> { outcomes[index] = co_await chain.get(); };
    auto done = [](const std::exception_ptr&) {};
    asio::co_spawn(io_, std::move(ask), asio::bind_cancellation_slot(slot, done));
    run();
  }

  std::string get() {
    start();
    const auto& outcome = outcomes.back();
    if (!outcome) return "waits";
    return *outcome ? outcome->value()->access_key_id : "error: " + outcome->error().message;
  }

  /// Everything that can go on goes on.
  void run() {
    io_.restart();
    io_.poll();
  }

  void let_through() {
    held_ = false;
    gate_.cancel();
    run();
  }

  asio::io_context io_;
  asio::steady_timer gate_{io_, asio::steady_timer::time_point::max()};
  Time now_{std::chrono::hours(24 * 365 * 60)};
  bool held_ = false;
  bool throws_ = false;  // when it is cancelled; else it returns an error
  int fetches = 0;
  std::deque<Result<Credentials>> answers_;
  std::deque<std::optional<Answer>> outcomes;
  CredentialChain chain{[this]() { return fetch(); }, [this] { return now_; }};

 private:
  asio::awaitable<Result<Credentials>> fetch() {
    ++fetches;
    if (held_) co_await gate_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (throws_ && cancelled != asio::cancellation_type::none) throw std::runtime_error("cancelled");
    if (answers_.empty()) co_return Error{Errc::denied, "not asked for", {}};
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    co_return answer;
  }
};

TEST_F(CredentialChainTest, keeps_what_is_fresh) {
  will_answer(lasting("one", 1h));
  EXPECT_EQ(get(), "one");
  now_ += 54min;
  EXPECT_EQ(get(), "one");
  EXPECT_EQ(fetches, 1);
}

TEST_F(CredentialChainTest, keeps_for_ever_what_does_not_expire) {
  auto keys = lasting("keys", 0s);
  keys.expires.reset();
  will_answer(keys);
  EXPECT_EQ(get(), "keys");
  now_ += std::chrono::hours(10'000);
  EXPECT_EQ(get(), "keys");
}

TEST_F(CredentialChainTest, renews_five_minutes_ahead) {
  will_answer(lasting("one", 1h));
  will_answer(lasting("two", 2h));
  EXPECT_EQ(get(), "one");
  now_ += 55min;
  EXPECT_EQ(get(), "two");
}

TEST_F(CredentialChainTest, goes_on_with_valid_ones_when_the_renewal_fails_and_lets_the_service_rest) {
  will_answer(lasting("one", 1h));
  EXPECT_EQ(get(), "one");
  now_ += 56min;
  will_fail();
  EXPECT_EQ(get(), "one");
  EXPECT_EQ(get(), "one");
  EXPECT_EQ(fetches, 2);
  now_ += 31s;
  will_answer(lasting("two", 1h));
  EXPECT_EQ(get(), "two");
}

TEST_F(CredentialChainTest, ten_seconds_before_expiry_the_error_is_the_answer) {
  will_answer(lasting("one", 1h));
  EXPECT_EQ(get(), "one");
  now_ += 59min + 50s;
  will_fail();
  EXPECT_EQ(get(), "error: down");
  will_answer(lasting("two", 1h));
  EXPECT_EQ(get(), "two");
}

TEST_F(CredentialChainTest, many_callers_make_one_fetch) {
  held_ = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get(), "waits");
  EXPECT_EQ(fetches, 1);
  will_answer(lasting("one", 1h));
  let_through();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->value()->access_key_id, "one");
  EXPECT_EQ(fetches, 1);
}

TEST_F(CredentialChainTest, many_callers_share_one_error) {
  held_ = true;
  for (int i = 0; i < 5; ++i) start();
  will_fail();
  let_through();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->error().message, "down");
  EXPECT_EQ(fetches, 1);
}

TEST_F(CredentialChainTest, while_one_renews_the_others_do_not_wait) {
  will_answer(lasting("one", 1h));
  EXPECT_EQ(get(), "one");
  now_ += 56min;
  held_ = true;
  EXPECT_EQ(get(), "waits");
  EXPECT_EQ(get(), "one");
  will_answer(lasting("two", 1h));
  let_through();
  EXPECT_EQ(get(), "two");
}

TEST_F(CredentialChainTest, another_caller_takes_over_from_one_that_is_cancelled) {
  for (const bool throws : {false, true}) {
    outcomes.clear();
    fetches = 0;
    held_ = true;
    throws_ = throws;
    asio::cancellation_signal cancel;
    start(cancel.slot());
    start();
    cancel.emit(asio::cancellation_type::terminal);
    run();
    EXPECT_EQ(outcomes[0].has_value(), !throws);
    EXPECT_FALSE(outcomes[1]);
    EXPECT_EQ(fetches, 2);
    will_answer(lasting("one", 1h));
    let_through();
    ASSERT_TRUE(outcomes[1] && *outcomes[1]);
    chain.refused(*outcomes[1]->value());
  }
}

TEST_F(CredentialChainTest, a_caller_that_waits_can_be_cancelled) {
  held_ = true;
  asio::cancellation_signal cancel;
  start();
  start(cancel.slot());
  cancel.emit(asio::cancellation_type::terminal);
  run();
  EXPECT_FALSE(outcomes[1]);
  will_answer(lasting("one", 1h));
  let_through();
  EXPECT_TRUE(outcomes[0]);
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(fetches, 1);
}

TEST_F(CredentialChainTest, what_the_service_refuses_is_fetched_anew_once) {
  will_answer(lasting("one", 1h));
  EXPECT_EQ(get(), "one");
  const auto old = outcomes.back()->value();
  chain.refused(*old);
  will_answer(lasting("two", 1h));
  EXPECT_EQ(get(), "two");
  chain.refused(*old);  // by a request that was slower
  EXPECT_EQ(get(), "two");
  EXPECT_EQ(fetches, 2);
}

TEST_F(CredentialChainTest, refused_ones_do_not_come_back_when_the_fetch_fails) {
  will_answer(lasting("one", 1h, true));
  EXPECT_EQ(get(), "one");
  chain.refused(*outcomes.back()->value());
  will_fail();
  EXPECT_EQ(get(), "error: down");
}

TEST_F(CredentialChainTest, those_of_the_instance_are_used_beyond_their_expiry_while_metadata_is_down) {
  will_answer(lasting("one", 1h, true));
  EXPECT_EQ(get(), "one");
  now_ += 2h;
  will_fail();
  EXPECT_EQ(get(), "one");
  now_ += 4min;
  EXPECT_EQ(get(), "one");
  EXPECT_EQ(fetches, 2);
  now_ += 7min;
  will_answer(lasting("two", 1h, true));
  EXPECT_EQ(get(), "two");
  EXPECT_EQ(fetches, 3);
}

TEST_F(CredentialChainTest, those_of_the_instance_that_come_expired_are_used) {
  will_answer(lasting("one", -1h, true));
  EXPECT_EQ(get(), "one");
  EXPECT_EQ(get(), "one");
  EXPECT_EQ(fetches, 1);
}

TEST_F(CredentialChainTest, an_error_is_not_kept) {
  will_fail();
  EXPECT_EQ(get(), "error: down");
  will_answer(lasting("one", 1h));
  EXPECT_EQ(get(), "one");
}

TEST_F(CredentialChainTest, may_go_while_callers_wait) {
  held_ = true;
  auto other = std::make_unique<CredentialChain>(
      [this]() -> asio::awaitable<Result<Credentials>> {
        co_await gate_.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return Error{};
      },
      [this] { return now_; });
  for (int i = 0; i < 2; ++i) {
    auto ask = [&chain = *other]() -> asio::awaitable<void> { static_cast<void>(co_await chain.get()); };
    auto done = [](const std::exception_ptr&) {};
    asio::co_spawn(io_, std::move(ask), done);
  }
  run();
  other.reset();  // what is suspended ends with the io_context
}

}  // namespace
}  // namespace mooring::backends::aws
