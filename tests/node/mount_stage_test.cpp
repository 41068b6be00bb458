#include <fstream>
#include <thread>

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

class EachFileSystem : public StageFixture, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EachFileSystem, ::testing::Values("ext4", "xfs", "btrfs"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(EachFileSystem, keeps_data_from_one_stage_to_the_next) {
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), smallest_disk(fs));
  const auto made = format(disk, fs);
  EXPECT_EQ(made.type, fs);
  EXPECT_FALSE(made.uuid.empty());
  const auto staged = stage(disk, made);
  ASSERT_TRUE(succeeds(staged));
  EXPECT_EQ(staged.value().target, stage_path());
  EXPECT_EQ(staged.value().source, disk.path());
  EXPECT_EQ(staged.value().fs, fs);
  EXPECT_EQ(staged.value().major, disk.device().major);
  EXPECT_EQ(staged.value().minor, disk.device().minor);
  EXPECT_FALSE(staged.value().read_only);
  write_file(stage_path() + "/data", "kept");
  ASSERT_TRUE(succeeds(unstage(disk)));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));

  const auto content = blocking::probe(disk.look(), disk.device());
  ASSERT_TRUE(succeeds(content));
  ASSERT_TRUE(content.value().filesystem);
  EXPECT_EQ(content.value().filesystem->uuid, made.uuid);
  const auto repaired = blocking::check(disk.look(), content.value().device, *content.value().filesystem, {});
  ASSERT_TRUE(succeeds(repaired));
  EXPECT_EQ(repaired.value(), "");
  ASSERT_TRUE(succeeds(stage(disk, made)));
  EXPECT_EQ(read_whole(stage_path() + "/data"), "kept");
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_P(EachFileSystem, grows_online_to_its_device) {
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), smallest_disk(fs));
  const auto staged = stage(disk, format(disk, fs));
  ASSERT_TRUE(succeeds(staged));
  write_file(stage_path() + "/data", "kept");
  auto grown = blocking::grow(staged.value());
  ASSERT_TRUE(succeeds(grown));
  EXPECT_EQ(grown.value().before, grown.value().after);

  const auto space = blocking::usage(stage_path());
  ASSERT_TRUE(succeeds(space));
  disk.grow(2 * smallest_disk(fs));
  grown = blocking::grow(staged.value());
  if (!grown && grown.error().system_error == EPERM && ::prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 0) {
    // Without the capability the kernel grows no ext4; that it does with it is shown in tests/vm/test_ext4_growth.py.
    EXPECT_TRUE(fails_with(grown, Errc::system, "CAP_SYS_RESOURCE"));
    EXPECT_TRUE(succeeds(unstage(disk)));
    return;
  }
  ASSERT_TRUE(succeeds(grown));
  EXPECT_GE(grown.value().before, smallest_disk(fs) - kMiB);
  EXPECT_LE(grown.value().before, smallest_disk(fs));
  EXPECT_GE(grown.value().after, 2 * smallest_disk(fs) - kMiB);
  const auto more = blocking::usage(stage_path());
  ASSERT_TRUE(succeeds(more));
  EXPECT_GT(more.value().size, space.value().size + smallest_disk(fs) / 2);
  EXPECT_EQ(read_whole(stage_path() + "/data"), "kept");
  grown = blocking::grow(staged.value());
  ASSERT_TRUE(succeeds(grown));
  EXPECT_EQ(grown.value().before, grown.value().after);
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_P(EachFileSystem, mounted_already_is_success) {
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), smallest_disk(fs));
  const auto made = format(disk, fs);
  ASSERT_TRUE(succeeds(stage(disk, made)));
  const auto again = stage(disk, made);
  ASSERT_TRUE(succeeds(again));
  EXPECT_EQ(again.value().source, disk.path());
  const auto seen = blocking::look_at_stage(root_, "vol");
  ASSERT_TRUE(succeeds(seen));
  ASSERT_TRUE(seen.value());
  EXPECT_EQ(seen.value()->minor, disk.device().minor);
  EXPECT_TRUE(succeeds(unstage(disk)));
  EXPECT_FALSE(is_mounted(stage_path()));  // not mounted twice
}

class Stage : public StageFixture {};

int lines_with(const std::string& first, const std::string& second) {
  std::ifstream table("/proc/self/mountinfo");
  int count = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.find(first) != std::string::npos && line.find(second) != std::string::npos) ++count;
  }
  return count;
}

TEST_F(Stage, another_disk_at_the_mount_point_is_refused) {  // rule 14
  const LoopDisk first(scratch_.path(), smallest_disk("ext4"));
  const LoopDisk second(scratch_.path(), smallest_disk("ext4"));
  ASSERT_TRUE(succeeds(stage(first, format(first, "ext4"))));
  EXPECT_TRUE(fails_with(stage(second, format(second, "ext4")), Errc::occupied, first.path()));
  EXPECT_TRUE(fails_with(unstage(second), Errc::occupied, first.path()));
  EXPECT_TRUE(is_mounted(stage_path()));
  EXPECT_TRUE(succeeds(unstage(first)));
}

TEST_F(Stage, a_tmpfs_at_the_mount_point_is_refused) {  // rule 14
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  std::filesystem::create_directories(stage_path());
  ASSERT_EQ(::mount("tmpfs", stage_path().c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::occupied, "tmpfs"));
  EXPECT_TRUE(fails_with(unstage(disk), Errc::occupied, "tmpfs"));
  // Who has no disk any more unmounts nothing, not even what has none either.
  EXPECT_TRUE(fails_with(blocking::unstage(root_, "vol", {}, false), Errc::occupied, "tmpfs"));
  EXPECT_TRUE(is_mounted(stage_path()));
}

TEST_F(Stage, a_planted_symlink_is_not_followed) {  // rule 15
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  std::filesystem::create_directories(root_);
  const auto elsewhere = scratch_.path() / "elsewhere";
  std::filesystem::create_directory(elsewhere);
  std::filesystem::create_symlink(elsewhere, stage_path());
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::unsafe_path, stage_path()));
  EXPECT_FALSE(is_mounted(elsewhere));
  EXPECT_TRUE(fails_with(blocking::look_at_stage(root_, "vol"), Errc::unsafe_path));
  EXPECT_TRUE(fails_with(unstage(disk), Errc::unsafe_path));
}

TEST_F(Stage, a_symlink_on_the_way_is_not_followed) {  // rule 15
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  std::filesystem::create_directory(scratch_.path() / "real");
  std::filesystem::create_directory_symlink(scratch_.path() / "real", root_);
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::unsafe_path, "symbolic link"));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path() / "real"));
}

TEST_F(Stage, names_that_leave_the_root_are_refused) {  // rule 15
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  for (const std::string name : {"", ".", "..", "a/b", "../x", "a\nb"}) {
    EXPECT_TRUE(fails_with(stage(disk, made, name), Errc::unsafe_path)) << name;
    EXPECT_TRUE(fails_with(blocking::look_at_stage(root_, name), Errc::unsafe_path)) << name;
  }
}

TEST_F(Stage, nothing_can_be_written_to_an_unmounted_mount_point) {  // rule 15
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  ASSERT_TRUE(succeeds(stage(disk, made)));
  ASSERT_EQ(::umount2(stage_path().c_str(), 0), 0);  // behind our back
  struct stat status {};
  ASSERT_EQ(::stat(stage_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0U);
  EXPECT_TRUE(is_immutable(stage_path()));
  EXPECT_NE(::mkdir((stage_path() + "/x").c_str(), 0700), 0);
  ASSERT_TRUE(succeeds(stage(disk, made)));
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_F(Stage, a_directory_with_files_is_not_mounted_over) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  std::filesystem::create_directories(stage_path());
  write_file(stage_path() + "/precious", "x");
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::occupied, "precious"));
  EXPECT_EQ(read_whole(stage_path() + "/precious"), "x");
}

TEST_F(Stage, nodev_and_nosuid_are_always_set) {  // rule 16
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  auto wanted = request(disk, format(disk, "ext4"));
  wanted.options = {"noatime", "commit=10"};
  ASSERT_TRUE(succeeds(blocking::stage(wanted)));
  struct statvfs status {};
  ASSERT_EQ(::statvfs(stage_path().c_str(), &status), 0);
  EXPECT_TRUE((status.f_flag & ST_NODEV) != 0);
  EXPECT_TRUE((status.f_flag & ST_NOSUID) != 0);
  EXPECT_TRUE((status.f_flag & ST_NOATIME) != 0);
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_F(Stage, nodev_and_nosuid_are_set_of_what_somebody_else_mounted_there) {  // rule 16
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  std::filesystem::create_directories(stage_path());
  ASSERT_EQ(::mount(disk.path().c_str(), stage_path().c_str(), "ext4", 0, nullptr), 0);
  ASSERT_TRUE(succeeds(stage(disk, made)));
  struct statvfs status {};
  ASSERT_EQ(::statvfs(stage_path().c_str(), &status), 0);
  EXPECT_EQ(status.f_flag & (ST_NODEV | ST_NOSUID), static_cast<unsigned long>(ST_NODEV | ST_NOSUID));
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_F(Stage, damage_that_the_superblock_hides_is_named_with_what_to_do) {  // rule 12
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  run({"debugfs", "-w", "-R", "clri <2>", disk.path()});  // the root directory; the superblock still says clean
  const auto staged = stage(disk, made);
  EXPECT_TRUE(fails_with(staged, Errc::check_failed, "e2fsck"));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));
}

TEST_F(Stage, a_refused_option_leaves_nothing_behind) {  // rule 16
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  auto wanted = request(disk, format(disk, "ext4"));
  wanted.options = {"dev"};
  EXPECT_TRUE(fails_with(blocking::stage(wanted), Errc::invalid_option, "noatime"));
  EXPECT_FALSE(std::filesystem::exists(root_));
}

TEST_F(Stage, a_read_only_disk_is_never_mounted_read_only_instead) {  // rule 12
  LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  const LoopDisk frozen(scratch_.path(), smallest_disk("ext4"),
                        {.read_only = true, .prepare = {}, .copy_of = disk.image()});
  EXPECT_TRUE(frozen.device().read_only);
  const auto refused = stage(frozen, made);
  EXPECT_TRUE(fails_with(refused, Errc::mount_failed));
  EXPECT_NE(refused.error().system_error, 0);  // mount(2) itself failed; not: mounted, seen to be read-only, undone
  EXPECT_FALSE(is_mounted(stage_path()));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));  // the mount point that it made is gone again
  auto wanted = request(frozen, made);
  wanted.read_only = true;
  const auto staged = blocking::stage(wanted);
  ASSERT_TRUE(succeeds(staged));
  EXPECT_TRUE(staged.value().read_only);
  EXPECT_TRUE(fails_with(stage(frozen, made), Errc::mount_failed, "read-only"));
  EXPECT_TRUE(succeeds(unstage(frozen)));
}

TEST_F(Stage, what_the_kernel_says_is_in_the_error) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto failed = stage(disk, mount::FileSystem{"ext4", ""});
  EXPECT_TRUE(fails_with(failed, Errc::mount_failed, disk.path()));
  EXPECT_NE(failed.error().system_error, 0);
  EXPECT_FALSE(std::filesystem::exists(stage_path()));
}

TEST_F(Stage, unstage_where_nothing_is_mounted_is_success) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  EXPECT_TRUE(succeeds(unstage(disk)));
  std::filesystem::create_directories(stage_path());
  EXPECT_TRUE(succeeds(unstage(disk)));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));
  EXPECT_TRUE(succeeds(blocking::unstage(root_, "vol", {}, false)));
}

TEST_F(Stage, nouuid_is_used_only_beside_the_original) {  // rule 12
  const LoopDisk disk(scratch_.path(), smallest_disk("xfs"));
  const auto made = format(disk, "xfs");
  const LoopDisk clone(scratch_.path(), smallest_disk("xfs"),
                       {.read_only = false, .prepare = {}, .copy_of = disk.image()});
  ASSERT_TRUE(succeeds(stage(disk, made, "original")));
  ASSERT_TRUE(succeeds(stage(clone, made, "clone")));
  EXPECT_EQ(lines_with(stage_path("original") + " ", "nouuid"), 0);
  EXPECT_EQ(lines_with(stage_path("clone") + " ", "nouuid"), 1);
  EXPECT_TRUE(succeeds(unstage(clone, false, "clone")));
  EXPECT_TRUE(succeeds(unstage(disk, false, "original")));
}

TEST_F(Stage, clones_that_are_mounted_at_the_same_moment_are_all_mounted) {  // rule 12
  const LoopDisk disk(scratch_.path(), smallest_disk("xfs"));
  const auto made = format(disk, "xfs");
  const LoopDisk clone(scratch_.path(), smallest_disk("xfs"),
                       {.read_only = false, .prepare = {}, .copy_of = disk.image()});
  for (int round = 0; round < 8; ++round) {
    mount::Result<mount::MountEntry> other = mount::MountEntry{};
    {
      std::jthread beside([&] { other = stage(clone, made, "clone"); });
      EXPECT_TRUE(succeeds(stage(disk, made, "original")));
    }
    EXPECT_TRUE(succeeds(other));
    EXPECT_TRUE(succeeds(unstage(clone, false, "clone")));
    EXPECT_TRUE(succeeds(unstage(disk, false, "original")));
  }
}

TEST_F(Stage, what_the_kernel_mounts_read_only_by_itself_is_undone) {  // rules 12 and 13
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const auto made = format(disk, "ext4");
  run({"tune2fs", "-O", "read-only", disk.path()});
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::mount_failed, "read-only"));
  EXPECT_FALSE(is_mounted(stage_path()));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));
}

TEST_F(Stage, growing_a_btrfs_while_something_exclusive_runs_is_busy) {
  const LoopDisk outer(scratch_.path(), 640 * kMiB);
  ASSERT_TRUE(succeeds(stage(outer, format(outer, "ext4"), "outer")));
  {
    const LoopDisk disk(stage_path("outer"), 256 * kMiB);
    const auto made = format(disk, "btrfs");
    const auto staged = stage(disk, made);
    ASSERT_TRUE(succeeds(staged));
    disk.grow(300 * kMiB);
    const int frozen = ::open(stage_path("outer").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(::ioctl(frozen, FIFREEZE, 0), 0);  // now the balance cannot end
    std::jthread balance([&] {
      const int directory = ::open(stage_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      btrfs_ioctl_balance_args all{};
      all.flags = BTRFS_BALANCE_DATA | BTRFS_BALANCE_METADATA;
      EXPECT_EQ(::ioctl(directory, BTRFS_IOC_BALANCE_V2, &all), 0);
      ::close(directory);
    });
    while (read_whole("/sys/fs/btrfs/" + made.uuid + "/exclusive_operation") != "balance\n") std::this_thread::yield();
    EXPECT_TRUE(fails_with(blocking::grow(staged.value()), Errc::busy, "balance"));
    ASSERT_EQ(::ioctl(frozen, FITHAW, 0), 0);
    ::close(frozen);
    balance.join();
    EXPECT_TRUE(succeeds(blocking::grow(staged.value())));
    EXPECT_TRUE(succeeds(unstage(disk)));
  }
  EXPECT_TRUE(succeeds(unstage(outer, false, "outer")));
}

TEST_F(Stage, a_btrfs_of_several_disks_is_refused) {
  const LoopDisk one(scratch_.path(), smallest_disk("btrfs"));
  const LoopDisk two(scratch_.path(), smallest_disk("btrfs"));
  run({"mkfs.btrfs", "-q", one.path(), two.path()});
  const auto content = blocking::probe(one.look(), one.device());
  ASSERT_TRUE(succeeds(content));
  EXPECT_TRUE(fails_with(stage(one, *content.value().filesystem), Errc::unsafe_content, "spans 2 disks"));
  EXPECT_FALSE(is_mounted(stage_path()));
}

TEST_F(Stage, another_disk_than_the_one_meant_is_not_mounted) {  // rule 7
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  const LoopDisk other(scratch_.path(), smallest_disk("ext4"));
  auto wanted = request(disk, format(disk, "ext4"));
  wanted.look = other.look();
  EXPECT_TRUE(fails_with(blocking::stage(wanted), Errc::wrong_disk, "another file"));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));
}

TEST_F(Stage, another_file_system_than_the_one_found_is_not_mounted) {  // rule 6
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  auto made = format(disk, "ext4");
  const auto uuid = made.uuid;
  made.uuid.back() = made.uuid.back() == '0' ? '1' : '0';
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::wrong_filesystem, uuid));
  disk.erase(0, kMiB);
  EXPECT_TRUE(fails_with(stage(disk, made), Errc::wrong_filesystem, "none"));
  EXPECT_FALSE(std::filesystem::exists(stage_path()));
}

TEST_F(Stage, a_file_system_that_has_shut_down_can_be_released) {
  constexpr unsigned long kGoingDown = _IOR('X', 125, std::uint32_t);  // XFS_IOC_GOINGDOWN, fs/xfs/libxfs/xfs_fs.h
  const LoopDisk disk(scratch_.path(), smallest_disk("xfs"));
  ASSERT_TRUE(succeeds(stage(disk, format(disk, "xfs"))));
  const auto bound = scratch_.path() / "bound";
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(bound)));
  ASSERT_TRUE(succeeds(blocking::bind(stage_path(), bound, false)));
  const int directory = ::open(stage_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::uint32_t how = 2;  // XFS_FSOP_GOING_FLAGS_NOLOGFLUSH
  ASSERT_EQ(::ioctl(directory, kGoingDown, &how), 0);
  ::close(directory);
  struct stat status {};
  ASSERT_NE(::stat(stage_path().c_str(), &status), 0);
  const auto seen = blocking::look_at_stage(root_, "vol");
  ASSERT_TRUE(succeeds(seen));
  ASSERT_TRUE(seen.value());
  EXPECT_EQ(seen.value()->minor, disk.device().minor);
  EXPECT_TRUE(seen.value()->read_only);
  EXPECT_TRUE(blocking::is_bound(stage_path(), bound).value());
  EXPECT_TRUE(succeeds(blocking::unbind(stage_path(), bound, {true, true}, false)));
  EXPECT_TRUE(fails_with(unstage(disk), Errc::system, "by force"));
  EXPECT_TRUE(succeeds(unstage(disk, true)));
  EXPECT_FALSE(is_mounted(stage_path()));
  EXPECT_FALSE(blocking::still_mounted_somewhere(disk.device()).value());
}

}  // namespace
}  // namespace mooring::test
