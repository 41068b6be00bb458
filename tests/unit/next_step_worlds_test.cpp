// The decision function against a small world in which anything may fail at any time, crashes included.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/decide/next_step.h"

namespace mooring::agent::decide {
namespace {

using backends::Attachment;
using Content = VolumeView::Content;
using Disk = VolumeView::Disk;
using Stage = VolumeView::Stage;

/// A world with one disk. Every step does what the real one would do, or fails, as the dice say.
class World {
 public:
  explicit World(std::uint32_t seed) : dice_(seed) {
    blank_ = roll(3) == 0;
    attached_ = roll(4) == 0;
    attached_elsewhere_ = !attached_ && roll(8) == 0;
    view.may_format = roll(2) == 0;
    view.read_only = roll(4) == 0;
  }

  /// The daemon is killed and starts again: what is observed is forgotten, what is written down is known.
  void crash() {
    VolumeView next;
    next.wanted = view.wanted;
    next.may_format = view.may_format;
    next.read_only = view.read_only;
    next.recorded = recorded_;
    next.attached_by_us = recorded_ && recorded_ours_;
    next.look_known = recorded_ && recorded_look_;
    view = next;
  }

  void take(Step step) {
    if (is_end(step)) return;
    const bool fails = roll(12) == 0;
    switch (step) {
      case Step::find_disk:
        view.disk = attached_ && !fails ? Disk::present : Disk::absent;
        break;
      case Step::look_at_stage:
        if (fails) return stuck();
        view.stage = mounted_ ? Stage::ours : Stage::free;
        break;
      case Step::describe:
        view.attachment = attached_             ? Attachment::here
                          : attached_elsewhere_ ? Attachment::elsewhere
                                                : Attachment::detached;
        view.look_known = attached_;
        view.disk = Disk::unknown;
        if (fails || (attached_elsewhere_ && view.wanted)) {
          view.attachment.reset();
          return stuck();
        }
        break;
      case Step::record:
        if (fails) return stuck();
        view.attached_by_us = view.attachment == Attachment::detached;
        view.recorded = recorded_ = true;
        recorded_ours_ = view.attached_by_us;
        recorded_look_ = view.look_known;
        break;
      case Step::attach:
        EXPECT_TRUE(recorded_) << "attached before it was written down";
        EXPECT_FALSE(attached_elsewhere_) << "stolen";
        if (fails) return stuck();
        attached_ = true;
        ours_ = true;
        view.attachment = Attachment::here;
        view.look_known = true;
        view.disk = Disk::unknown;
        break;
      case Step::await_disk:
        if (fails || !attached_) return stuck();
        view.disk = Disk::present;
        break;
      case Step::probe:
        EXPECT_TRUE(attached_);
        if (fails) return stuck();
        view.content = blank_ ? Content::blank : Content::filesystem;
        break;
      case Step::refuse_blank:
        return stuck();
      case Step::format:
        EXPECT_TRUE(view.may_format && !view.read_only) << "formatted without leave";
        EXPECT_TRUE(blank_) << "formatted what was not blank";
        EXPECT_FALSE(mounted_);
        if (fails) return stuck();
        blank_ = false;
        view.content = Content::filesystem;
        view.checked = true;
        break;
      case Step::check:
        EXPECT_FALSE(mounted_) << "checked while it was mounted";
        if (fails) return stuck();
        view.checked = true;
        break;
      case Step::mount:
        EXPECT_TRUE(attached_ && !mounted_ && !blank_);
        if (fails) return stuck();
        mounted_ = true;
        view.stage = Stage::ours;
        break;
      case Step::grow:
        view.growth_tried = true;
        break;
      case Step::unmount:
        EXPECT_TRUE(recorded_);
        if (fails) return stuck();
        mounted_ = false;
        view.stage = Stage::free;
        view.unused = true;
        break;
      case Step::prove_unused:
        if (fails) return stuck();
        view.unused = true;
        break;
      case Step::detach:
        EXPECT_FALSE(mounted_) << "detached while it was mounted";
        EXPECT_TRUE(recorded_ours_) << "detached what somebody else attached";
        if (fails) return stuck();
        attached_ = ours_ = false;
        view.attachment = Attachment::detached;
        view.disk = Disk::absent;
        break;
      case Step::forget:
        EXPECT_FALSE(mounted_);
        EXPECT_FALSE(ours_) << "forgot an attachment of ours";
        if (fails) return stuck();
        view.recorded = recorded_ = false;
        break;
      case Step::ready:
      case Step::failed:
      case Step::blocked:
      case Step::held:
      case Step::gone:
        break;
    }
  }

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] bool leaked() const { return mounted_ || ours_ || recorded_; }
  std::uint32_t roll(std::uint32_t sides) { return dice_() % sides; }

  VolumeView view;

 private:
  void stuck() { (view.wanted ? view.failed : view.blocked) = true; }

  std::mt19937 dice_;
  bool blank_ = false;
  bool attached_ = false;
  bool attached_elsewhere_ = false;
  bool ours_ = false;
  bool mounted_ = false;
  bool recorded_ = false;
  bool recorded_ours_ = false;
  bool recorded_look_ = false;
};

/// Walks to an end; the longest good way has 12 steps, so 64 without one is no end at all.
Step walk(World& world, bool may_crash) {
  for (int steps = 0; steps < 64; ++steps) {
    const Step step = next_step(world.view);
    if (is_end(step)) return step;
    world.take(step);
    if (may_crash && world.roll(16) == 0) world.crash();
  }
  ADD_FAILURE() << "no end";
  return Step::failed;
}

TEST(NextStep, over_random_worlds_there_is_always_an_end_and_nothing_is_left) {
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.view.wanted = true;
    const Step end = walk(world, true);
    ASSERT_TRUE(end == Step::ready || end == Step::failed);
    ASSERT_EQ(end == Step::ready, world.mounted() && !world.view.failed);
    // The way back, tried again whenever something is in the way.
    world.view.wanted = world.view.failed = false;
    Step back = Step::blocked;
    for (int tries = 0; tries < 100 && back != Step::gone; ++tries) {
      world.view.blocked = false;
      back = walk(world, true);
    }
    ASSERT_EQ(back, Step::gone);
    ASSERT_FALSE(world.leaked());
    if (testing::Test::HasFailure()) return;
  }
}

TEST(NextStep, a_list_of_candidates_ends_with_one_at_most) {
  for (std::uint32_t seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::vector<World> candidates;
    for (std::uint32_t i = 0; i < 4; ++i) candidates.emplace_back(seed * 4 + i);
    std::size_t had = 0;
    for (World& candidate : candidates) {
      candidate.view.wanted = true;
      if (walk(candidate, true) == Step::ready) {
        ++had;
        break;
      }
      // What it began is undone before the next one is tried.
      candidate.view.wanted = candidate.view.failed = false;
      for (int tries = 0; tries < 100 && candidate.leaked(); ++tries) {
        candidate.view.blocked = false;
        walk(candidate, true);
      }
    }
    std::size_t held = 0;
    for (const World& candidate : candidates) held += candidate.leaked() ? 1 : 0;
    ASSERT_EQ(held, had);
    ASSERT_LE(held, 1U);
  }
}

}  // namespace
}  // namespace mooring::agent::decide
