#include "agent/act/heartbeat.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace mooring::agent::act {
namespace {

struct Beating : testing::Test {
  int beats = 0;
  boost::asio::io_context loop{1};
  boost::asio::io_context quick{1};
  boost::asio::io_context ledger{1};
  Heartbeat heart{loop.get_executor(), {quick.get_executor(), ledger.get_executor()}, [this] { ++beats; }};

  static void run(boost::asio::io_context& context) {
    context.restart();
    context.poll();
  }
  void tick() {
    heart.tick();
    run(loop);
  }
};

TEST_F(Beating, goes_on_as_long_as_all_workers_answer) {
  for (int tick_number = 1; tick_number <= 3; ++tick_number) {
    tick();
    EXPECT_EQ(beats, tick_number);
    run(quick);
    run(ledger);
    run(loop);
  }
}

TEST_F(Beating, ends_when_one_of_the_workers_hangs_and_goes_on_when_it_is_back) {
  tick();
  run(quick);
  tick();
  tick();
  EXPECT_EQ(beats, 1);
  run(ledger);
  tick();  // the answers are heard in the loop
  tick();
  EXPECT_EQ(beats, 2);
}

TEST_F(Beating, an_answer_that_is_not_heard_by_the_loop_is_none) {
  tick();
  run(quick);
  run(ledger);
  heart.tick();
  EXPECT_EQ(beats, 1);
}

TEST(Heart, answers_of_workers_may_come_when_it_is_gone) {
  boost::asio::io_context loop{1};
  boost::asio::io_context worker{1};
  {
    Heartbeat heart(loop.get_executor(), {worker.get_executor()}, [] {});
    heart.tick();
  }
  worker.poll();
  EXPECT_EQ(loop.poll(), 1U);
}

}  // namespace
}  // namespace mooring::agent::act
