// Rule 12: an ext file system is checked before it is mounted.
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

class Check : public StageFixture {
 protected:
  LoopDisk disk_{scratch_.path(), 32 * kMiB};
  mount::FileSystem made_ = format(disk_, "ext4");

  mount::Result<std::string> check() { return blocking::check(disk_.look(), disk_.device(), made_, {}); }
};

TEST_F(Check, a_clean_one_is_left_as_it_is) {
  const auto before = disk_.fingerprint();
  const auto checked = check();
  ASSERT_TRUE(succeeds(checked));
  EXPECT_EQ(checked.value(), "");
  EXPECT_EQ(disk_.fingerprint(), before);
}

TEST_F(Check, one_that_was_not_unmounted_is_repaired) {
  run({"debugfs", "-w", "-R", "ssv state 0", disk_.path()});
  run({"debugfs", "-w", "-R", "ssv free_blocks_count 7", disk_.path()});
  const auto checked = check();
  ASSERT_TRUE(succeeds(checked));
  EXPECT_NE(checked.value(), "");
  const auto again = check();
  ASSERT_TRUE(succeeds(again));
  EXPECT_EQ(again.value(), "");
}

TEST_F(Check, a_journal_is_replayed) {
  ASSERT_TRUE(succeeds(stage(disk_, made_)));
  write_file(stage_path() + "/data", "journaled");
  run({"sync", stage_path() + "/data"});
  const LoopDisk crashed(scratch_.path(), 32 * kMiB, {.read_only = false, .prepare = {}, .copy_of = disk_.image()});
  ASSERT_TRUE(succeeds(unstage(disk_)));
  const auto checked = blocking::check(crashed.look(), crashed.device(), made_, {});
  ASSERT_TRUE(succeeds(checked));
  EXPECT_NE(checked.value().find("recovering journal"), std::string::npos) << checked.value();
  ASSERT_TRUE(succeeds(stage(crashed, made_)));
  EXPECT_EQ(read_whole(stage_path() + "/data"), "journaled");
  EXPECT_TRUE(succeeds(unstage(crashed)));
}

TEST_F(Check, damage_that_needs_a_person_is_refused) {
  run({"debugfs", "-w", "-R", "clri <2>", disk_.path()});  // the root directory
  run({"debugfs", "-w", "-R", "ssv state 2", disk_.path()});
  const auto checked = check();
  EXPECT_TRUE(fails_with(checked, Errc::check_failed, "e2fsck -f"));
}

TEST_F(Check, recorded_errors_are_not_clean) {
  run({"debugfs", "-w", "-R", "ssv state 3", disk_.path()});  // valid, but with errors
  EXPECT_TRUE(succeeds(check()));
  EXPECT_NE(run({"dumpe2fs", "-h", disk_.path()}).find("Filesystem state:         clean\n"), std::string::npos);
}

TEST_F(Check, counted_errors_are_not_clean) {  // rule 12
  run({"debugfs", "-w", "-R", "ssv error_count 3", disk_.path()});
  const auto checked = check();
  ASSERT_TRUE(succeeds(checked));
  EXPECT_NE(checked.value(), "");  // e2fsck was asked
}

TEST_F(Check, a_mounted_one_is_left_alone) {
  ASSERT_TRUE(succeeds(stage(disk_, made_)));
  const auto checked = check();
  ASSERT_TRUE(succeeds(checked));
  EXPECT_EQ(checked.value(), "");
  EXPECT_TRUE(succeeds(unstage(disk_)));
}

TEST_F(Check, one_that_another_program_works_on_is_busy) {
  run({"debugfs", "-w", "-R", "clri <2>", disk_.path()});
  run({"debugfs", "-w", "-R", "ssv state 2", disk_.path()});
  const int other = ::open(disk_.path().c_str(), O_RDWR | O_EXCL | O_CLOEXEC);
  ASSERT_GE(other, 0);
  EXPECT_TRUE(fails_with(check(), Errc::busy, "another program"));
  ::close(other);
  EXPECT_TRUE(fails_with(check(), Errc::check_failed));
}

TEST_F(Check, the_wrong_disk_is_not_repaired) {  // rule 7
  const LoopDisk meant(scratch_.path(), 32 * kMiB);
  run({"debugfs", "-w", "-R", "ssv state 0", disk_.path()});
  const auto before = disk_.fingerprint();
  EXPECT_TRUE(fails_with(blocking::check(meant.look(), disk_.device(), made_, {}), Errc::wrong_disk));
  EXPECT_EQ(disk_.fingerprint(), before);
}

TEST_F(Check, a_stop_is_heeded) {
  run({"debugfs", "-w", "-R", "ssv state 0", disk_.path()});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(fails_with(blocking::check(disk_.look(), disk_.device(), made_, stop.get_token()), Errc::cancelled));
}

}  // namespace
}  // namespace mooring::test
