#include "agent/state/events.h"

#include <gtest/gtest.h>

namespace mooring::agent::state {
namespace {

TEST(Events, a_follower_resumes_after_the_last_one_it_saw) {
  Events events(1);
  for (int i = 0; i < 5; ++i) events.add(i, "task.ready", {});
  const auto all = events.after(0);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(events.after(all[2].id).size(), 2U);
  EXPECT_TRUE(events.after(events.last()).empty());
  EXPECT_EQ(all.back().id, events.last());
}

TEST(Events, keeps_the_latest) {
  Events events(1);
  for (std::size_t i = 0; i < Events::kKept + 10; ++i) events.add(0, "e", {});
  EXPECT_EQ(events.after(0).size(), Events::kKept);
  EXPECT_EQ(events.after(0).back().id, events.last());
}

TEST(Events, numbers_go_on_growing_over_a_restart) {
  Events before(1'000);
  before.add(1'000, "e", {});
  Events after(2'000);
  after.add(2'000, "e", {});
  EXPECT_EQ(after.after(before.last()).size(), 1U);
}

TEST(Events, tells_its_listener) {
  Events events(1);
  int told = 0;
  events.on_event([&told] { ++told; });
  events.add(0, "e", {});
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace mooring::agent::state
