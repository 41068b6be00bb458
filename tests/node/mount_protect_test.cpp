// A disk that another instance may be writing to is mounted without changing one bit of it.
#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;

class Protect : public StageFixture, public ::testing::WithParamInterface<std::string> {
 protected:
  mount::StageRequest read_only(const LoopDisk& disk, const mount::FileSystem& fs, bool write_protected) {
    auto wanted = request(disk, fs);
    wanted.read_only = true;
    wanted.write_protected = write_protected;
    return wanted;
  }
};

TEST_P(Protect, a_clean_file_system_is_mounted_and_stays_as_it_is) {
  const LoopDisk disk(scratch_.path(), smallest_disk(GetParam()));
  const auto fs = format(disk, GetParam());
  ASSERT_TRUE(succeeds(stage(disk, fs)));
  write_file(stage_path() + "/data", "kept");
  ASSERT_TRUE(succeeds(unstage(disk)));
  const auto before = disk.fingerprint();
  ASSERT_TRUE(succeeds(mount::blocking::stage(read_only(disk, fs, true))));
  EXPECT_EQ(read_whole(stage_path() + "/data"), "kept");
  ASSERT_TRUE(succeeds(unstage(disk)));
  EXPECT_EQ(disk.fingerprint(), before);
  // It is read-only as it is seen now, so that is left as it is.
  EXPECT_TRUE(succeeds(mount::blocking::allow_writes(disk.device())));
  EXPECT_TRUE(disk.device().read_only);
  run({"blockdev", "--setrw", disk.path()});  // a loop device keeps it for the next image
}

TEST_P(Protect, the_protection_goes_with_the_mount) {
  const LoopDisk disk(scratch_.path(), smallest_disk(GetParam()));
  const auto before = disk.device();
  const auto fs = format(disk, GetParam());
  ASSERT_TRUE(succeeds(mount::blocking::stage(read_only(disk, fs, true))));
  EXPECT_TRUE(disk.device().read_only);
  ASSERT_TRUE(succeeds(unstage(disk)));
  ASSERT_TRUE(succeeds(mount::blocking::allow_writes(before)));
  EXPECT_FALSE(disk.device().read_only);
}

TEST_P(Protect, a_disk_that_somebody_else_here_writes_to_is_left_as_it_is) {
  const LoopDisk disk(scratch_.path(), smallest_disk(GetParam()));
  const auto fs = format(disk, GetParam());
  ASSERT_TRUE(succeeds(stage(disk, fs, "theirs")));
  EXPECT_TRUE(fails_with(mount::blocking::stage(read_only(disk, fs, true)), Errc::busy));
  EXPECT_FALSE(disk.device().read_only);
  write_file(stage_path("theirs") + "/data", "still");
  EXPECT_TRUE(succeeds(unstage(disk, false, "theirs")));
}

/// As another instance's write leaves it: with something in the journal that only a replay would bring in place.
TEST_P(Protect, a_journal_of_somebody_else_is_not_replayed) {
  const LoopDisk theirs(scratch_.path(), smallest_disk(GetParam()));
  const auto fs = format(theirs, GetParam());
  ASSERT_TRUE(succeeds(stage(theirs, fs)));
  write_file(stage_path() + "/data", "theirs");
  run({"sync", stage_path() + "/data"});
  const LoopDisk seen(scratch_.path(), smallest_disk(GetParam()),
                      {.read_only = false, .prepare = {}, .copy_of = theirs.image()});
  ASSERT_TRUE(succeeds(unstage(theirs)));
  const auto before = seen.fingerprint();
  EXPECT_TRUE(fails_with(mount::blocking::stage(read_only(seen, fs, true)), Errc::mount_failed));
  EXPECT_EQ(seen.fingerprint(), before);
  EXPECT_FALSE(is_mounted(stage_path()));
  EXPECT_FALSE(seen.device().read_only);
}

INSTANTIATE_TEST_SUITE_P(FileSystems, Protect, ::testing::Values("ext4", "xfs", "btrfs"),
                         [](const auto& fs) { return fs.param; });

}  // namespace
}  // namespace mooring::test
