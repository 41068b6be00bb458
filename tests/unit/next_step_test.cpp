// The decision function, as a table, and its promises for every view there is.
#include "agent/decide/next_step.h"

#include <vector>

#include <gtest/gtest.h>

namespace mooring::agent::decide {
namespace {

using backends::Attachment;
using Content = VolumeView::Content;
using Disk = VolumeView::Disk;
using Stage = VolumeView::Stage;

struct Row {
  const char* name;
  VolumeView view;
  Step step;
};

VolumeView at_the_disk() {
  VolumeView view;
  view.wanted = view.recorded = view.look_known = true;
  view.attachment = Attachment::here;
  view.disk = Disk::present;
  view.stage = Stage::free;
  return view;
}

VolumeView with(VolumeView view, void (*change)(VolumeView&)) {
  change(view);
  return view;
}

std::vector<Row> rows() {
  const VolumeView disk = at_the_disk();
  VolumeView leaving = disk;
  leaving.wanted = false;
  leaving.attached_by_us = true;
  return {
      {"nothing_known_asks_the_provider", with({}, [](auto& v) { v.wanted = true; }), Step::describe},
      {"writes_down_before_it_attaches",
       with({},
            [](auto& v) {
              v.wanted = true;
              v.attachment = Attachment::detached;
            }),
       Step::record},
      {"attaches_once_it_is_written",
       with({},
            [](auto& v) {
              v.wanted = v.recorded = v.attached_by_us = true;
              v.attachment = Attachment::detached;
              v.stage = Stage::free;
            }),
       Step::attach},
      {"what_others_had_attached_becomes_ours_in_writing_first",
       with({},
            [](auto& v) {
              v.wanted = v.recorded = true;
              v.attachment = Attachment::detached;
              v.stage = Stage::free;
            }),
       Step::record},
      {"waits_for_the_device",
       with({},
            [](auto& v) {
              v.wanted = v.recorded = v.look_known = true;
              v.attachment = Attachment::here;
              v.disk = Disk::absent;
              v.stage = Stage::free;
            }),
       Step::await_disk},
      {"waits_for_what_the_provider_is_still_attaching",
       with({},
            [](auto& v) {
              v.wanted = v.recorded = v.look_known = true;
              v.attachment = Attachment::arriving;
              v.disk = Disk::absent;
              v.stage = Stage::free;
            }),
       Step::await_disk},
      {"does_not_use_what_is_on_its_way_out", with(disk, [](auto& v) { v.attachment = Attachment::leaving; }),
       Step::describe},
      {"attaches_what_is_to_be_seen_but_not_attached_any_more",
       with(disk,
            [](auto& v) {
              v.attached_by_us = true;
              v.attachment = Attachment::detached;
            }),
       Step::attach},
      {"takes_back_what_never_arrived",
       with(leaving,
            [](auto& v) {
              v.attachment = Attachment::arriving;
              v.disk = Disk::absent;
            }),
       Step::detach},
      {"sees_a_detach_through_that_an_earlier_run_began",
       with(leaving,
            [](auto& v) {
              v.attachment = Attachment::leaving;
              v.disk = Disk::absent;
            }),
       Step::detach},
      {"looks_at_the_place_of_a_disk_that_was_here",
       with({},
            [](auto& v) {
              v.wanted = v.recorded = v.look_known = true;
              v.disk = Disk::absent;
            }),
       Step::look_at_stage},
      {"looks_for_what_is_here_before_it_asks", with({}, [](auto& v) { v.wanted = v.recorded = v.look_known = true; }),
       Step::find_disk},
      {"looks_at_its_place_before_it_mounts", with(disk, [](auto& v) { v.stage = Stage::unknown; }),
       Step::look_at_stage},
      {"probes", disk, Step::probe},
      {"formats_only_with_leave",
       with(disk,
            [](auto& v) {
              v.content = Content::blank;
              v.may_format = true;
            }),
       Step::format},
      {"refuses_a_blank_disk", with(disk, [](auto& v) { v.content = Content::blank; }), Step::refuse_blank},
      {"never_formats_for_a_read_only_mount",
       with(disk,
            [](auto& v) {
              v.content = Content::blank;
              v.may_format = v.read_only = true;
            }),
       Step::refuse_blank},
      {"checks_before_it_mounts", with(disk, [](auto& v) { v.content = Content::filesystem; }), Step::check},
      {"read_only_is_not_repaired",
       with(disk,
            [](auto& v) {
              v.content = Content::filesystem;
              v.read_only = true;
            }),
       Step::mount},
      {"mounts",
       with(disk,
            [](auto& v) {
              v.content = Content::filesystem;
              v.checked = true;
            }),
       Step::mount},
      {"grows", with(disk, [](auto& v) { v.stage = Stage::ours; }), Step::grow},
      {"is_ready",
       with(disk,
            [](auto& v) {
              v.stage = Stage::ours;
              v.growth_tried = true;
            }),
       Step::ready},
      {"a_mounted_volume_needs_no_provider",
       with(disk,
            [](auto& v) {
              v.stage = Stage::ours;
              v.attachment.reset();
              v.growth_tried = true;
            }),
       Step::ready},
      {"a_failure_is_an_end", with(disk, [](auto& v) { v.failed = true; }), Step::failed},
      {"leaving_unmounts_first", with(leaving, [](auto& v) { v.stage = Stage::ours; }), Step::unmount},
      {"leaves_a_foreign_mount_alone",
       with(leaving,
            [](auto& v) {
              v.stage = Stage::other;
              v.unused = true;
            }),
       Step::detach},
      {"proves_that_nobody_has_it", leaving, Step::prove_unused},
      {"detaches_what_we_attached", with(leaving, [](auto& v) { v.unused = true; }), Step::detach},
      {"leaves_what_others_attached", with(leaving, [](auto& v) { v.attached_by_us = false; }), Step::forget},
      {"forgets_last",
       with(leaving,
            [](auto& v) {
              v.attachment = Attachment::detached;
              v.disk = Disk::absent;
            }),
       Step::forget},
      {"asks_whose_it_is_before_it_detaches_what_it_cannot_see",
       with(leaving,
            [](auto& v) {
              v.attachment.reset();
              v.disk = Disk::unknown;
              v.look_known = false;
            }),
       Step::describe},
      {"leaves_a_disk_that_another_instance_has_by_now",
       with(leaving,
            [](auto& v) {
              v.attachment = Attachment::elsewhere;
              v.disk = Disk::absent;
            }),
       Step::forget},
      {"looks_at_its_place_without_knowing_the_disk", with({}, [](auto& v) { v.wanted = v.recorded = true; }),
       Step::look_at_stage},
      {"asks_how_the_disk_looks_that_may_be_mounted",
       with({},
            [](auto& v) {
              v.wanted = v.recorded = true;
              v.stage = Stage::taken;
            }),
       Step::describe},
      {"looks_again_once_the_disk_is_known", with(disk, [](auto& v) { v.stage = Stage::taken; }), Step::look_at_stage},
      {"waits_while_somebody_uses_it",
       with(leaving,
            [](auto& v) {
              v.stage = Stage::ours;
              v.blocked = true;
            }),
       Step::blocked},
      {"without_a_record_nothing_is_ours",
       with(leaving,
            [](auto& v) {
              v.recorded = false;
              v.stage = Stage::ours;
            }),
       Step::gone},
  };
}

TEST(NextStep, follows_the_table) {
  for (const Row& row : rows()) EXPECT_EQ(next_step(row.view), row.step) << row.name;
}

/// All views there are: the function is total, and its promises hold even for views that no run would lead to.
TEST(NextStep, holds_its_promises_for_every_view) {
  for (std::uint32_t bits = 0; bits < (1U << 20); ++bits) {
    std::uint32_t rest = bits;
    const auto take = [&rest](std::uint32_t values) {
      const std::uint32_t value = rest % values;
      rest /= values;
      return value;
    };
    VolumeView v;
    v.wanted = take(2) != 0;
    v.may_format = take(2) != 0;
    v.read_only = take(2) != 0;
    v.recorded = take(2) != 0;
    v.attached_by_us = take(2) != 0;
    v.look_known = take(2) != 0;
    const auto attachment = take(6);
    if (attachment < 5) v.attachment = static_cast<Attachment>(attachment);
    v.disk = static_cast<Disk>(take(3));
    v.stage = static_cast<Stage>(take(5));
    v.held = take(2) != 0;
    v.content = static_cast<Content>(take(3));
    v.checked = take(2) != 0;
    v.growth_tried = take(2) != 0;
    v.unused = take(2) != 0;
    const Step step = next_step(v);
    if (step == Step::format) ASSERT_TRUE(v.wanted && v.may_format && !v.read_only && v.content == Content::blank);
    if (step == Step::attach || step == Step::mount || step == Step::format || step == Step::check) {
      ASSERT_TRUE(v.wanted && v.recorded);
      ASSERT_NE(v.stage, Stage::ours);
      ASSERT_NE(v.attachment, Attachment::leaving);  // it would be gone a moment later
      ASSERT_TRUE(step == Step::attach || v.attachment != Attachment::detached);
    }
    if (step == Step::unmount) ASSERT_TRUE(!v.wanted && v.stage == Stage::ours);
    if (step == Step::detach) {
      ASSERT_TRUE(!v.wanted && v.attached_by_us && v.stage != Stage::ours);
      // Rule 11: as far as the provider knows, too.
      ASSERT_TRUE(v.attachment && *v.attachment != Attachment::detached && *v.attachment != Attachment::elsewhere);
      ASSERT_TRUE(v.disk != Disk::present || v.unused);  // rule 10
    }
    if (step == Step::ready) ASSERT_TRUE(v.wanted && v.stage == Stage::ours);
    ASSERT_EQ(step == Step::held, v.held && !v.wanted);  // nothing is done to what somebody claims
  }
}

}  // namespace
}  // namespace mooring::agent::decide
