// The host's own mounts (rule 17) and directories of the instance.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "mount/mount_point.h"
#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

constexpr mount::PreparedPath kMade{true, true};
constexpr mount::PreparedPath kMarked{false, true};

class Bind : public StageFixture {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(source_);
    write_file(source_ + "/data", "here");
  }
  std::string source_ = scratch_.path() / "source";
  std::string path_ = scratch_.path() / "host" / "data";
};

TEST_F(Bind, a_missing_path_is_made_bound_and_removed_again) {
  const auto prepared = blocking::prepare_host_path(path_);
  ASSERT_TRUE(succeeds(prepared));
  EXPECT_TRUE(prepared.value().made);
  EXPECT_TRUE(is_immutable(path_));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, false)));
  EXPECT_EQ(read_whole(path_ + "/data"), "here");
  struct statvfs status {};
  ASSERT_EQ(::statvfs(path_.c_str(), &status), 0);
  EXPECT_EQ(status.f_flag & (ST_NODEV | ST_NOSUID), static_cast<unsigned long>(ST_NODEV | ST_NOSUID));  // rule 16
  EXPECT_TRUE(blocking::is_bound(source_, path_).value());
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, false)));
  ASSERT_TRUE(succeeds(blocking::unbind(source_, path_, kMade, false)));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(blocking::is_bound(source_, path_).value());
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, kMade, false)));
}

TEST_F(Bind, a_directory_that_was_there_stays) {
  std::filesystem::create_directories(path_);
  const auto prepared = blocking::prepare_host_path(path_);
  ASSERT_TRUE(succeeds(prepared));
  EXPECT_FALSE(prepared.value().made);
  EXPECT_TRUE(is_immutable(path_));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, false)));
  ASSERT_TRUE(succeeds(blocking::unbind(source_, path_, kMarked, false)));
  EXPECT_FALSE(is_immutable(path_));
}

TEST_F(Bind, a_mark_of_its_owner_stays) {
  std::filesystem::create_directories(path_);
  run({"chattr", "+i", path_});
  const auto seen = blocking::look_at_host_path(path_);
  ASSERT_TRUE(succeeds(seen));
  EXPECT_FALSE(seen.value().made);
  EXPECT_FALSE(seen.value().marked);
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, false)));
  ASSERT_TRUE(succeeds(blocking::unbind(source_, path_, seen.value(), false)));
  EXPECT_TRUE(is_immutable(path_));
}

TEST_F(Bind, what_preparing_will_do_is_known_before) {
  auto seen = blocking::look_at_host_path(path_);
  ASSERT_TRUE(succeeds(seen));
  EXPECT_TRUE(seen.value().made);
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::filesystem::create_directories(path_);
  seen = blocking::look_at_host_path(path_);
  ASSERT_TRUE(succeeds(seen));
  EXPECT_FALSE(seen.value().made);
  EXPECT_TRUE(seen.value().marked);
  EXPECT_FALSE(is_immutable(path_));
  write_file(path_ + "/precious", "x");
  EXPECT_TRUE(fails_with(blocking::look_at_host_path(path_), Errc::occupied, "precious"));
  EXPECT_TRUE(fails_with(blocking::look_at_host_path("/etc/x"), Errc::unsafe_path));
}

TEST_F(Bind, the_mark_of_a_mount_beneath_is_not_cleared) {
  std::filesystem::create_directories(path_);
  const auto other = scratch_.path() / "other";
  std::filesystem::create_directory(other);
  run({"chattr", "+i", other});
  ASSERT_EQ(::mount(other.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(source_.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_TRUE(fails_with(blocking::unbind(source_, path_, kMarked, false), Errc::occupied));
  EXPECT_TRUE(is_immutable(other));
  EXPECT_TRUE(is_mounted(path_));
}

TEST_F(Bind, a_mark_goes_to_the_directory_that_was_looked_at) {
  std::filesystem::create_directories(path_);
  const auto other = scratch_.path() / "other";
  std::filesystem::create_directory(other);
  const auto directory = mount::open_directory(path_);
  ASSERT_TRUE(succeeds(directory));
  ASSERT_EQ(::mount(other.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_TRUE(succeeds(mount::close_mount_point(directory.value().get(), path_)));
  EXPECT_FALSE(is_immutable(other));
  ASSERT_EQ(::umount2(path_.c_str(), MNT_DETACH), 0);
  EXPECT_TRUE(is_immutable(path_));
}

TEST_F(Bind, one_whose_stage_was_unmounted_by_hand_goes_by_force) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  ASSERT_TRUE(succeeds(stage(disk, format(disk, "ext4"))));
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(stage_path(), path_, false)));
  ASSERT_EQ(::umount2(stage_path().c_str(), 0), 0);
  EXPECT_TRUE(fails_with(blocking::unbind(stage_path(), path_, kMade, false), Errc::occupied, "by force"));
  EXPECT_TRUE(is_mounted(path_));
  EXPECT_TRUE(succeeds(blocking::unbind(stage_path(), path_, kMade, true)));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_F(Bind, force_leaves_a_disk_that_somebody_mounted_there) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  format(disk, "ext4");
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_EQ(::mount(disk.path().c_str(), path_.c_str(), "ext4", 0, nullptr), 0);
  EXPECT_TRUE(fails_with(blocking::unbind(stage_path(), path_, kMade, true), Errc::occupied));
  EXPECT_TRUE(is_mounted(path_));
}

TEST_F(Bind, read_only_is_read_only) {
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, true)));
  EXPECT_NE(::mkdir((path_ + "/x").c_str(), 0700), 0);
  EXPECT_EQ(::mkdir((source_ + "/x").c_str(), 0700), 0);
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, kMade, false)));
}

TEST_F(Bind, what_was_bound_read_only_becomes_writable_and_back) {
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  for (const bool read_only : {true, false, true}) {
    ASSERT_TRUE(succeeds(blocking::bind(source_, path_, read_only)));
    EXPECT_EQ(::access(path_.c_str(), W_OK) != 0, read_only);
  }
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, kMade, false)));
}

TEST_F(Bind, system_directories_are_refused) {
  for (const auto* path :
       {"/", "/usr", "/etc", "/etc/mooring", "/proc/x", "/var", "/home", "relative", "/data/../etc"}) {
    EXPECT_TRUE(fails_with(blocking::prepare_host_path(path), Errc::unsafe_path)) << path;
    EXPECT_TRUE(fails_with(blocking::bind(source_, path, false), Errc::unsafe_path)) << path;
  }
}

TEST_F(Bind, a_directory_with_files_is_refused) {
  std::filesystem::create_directories(path_);
  write_file(path_ + "/precious", "x");
  EXPECT_TRUE(fails_with(blocking::prepare_host_path(path_), Errc::occupied, "precious"));
  EXPECT_TRUE(fails_with(blocking::bind(source_, path_, false), Errc::occupied));
  EXPECT_FALSE(is_immutable(path_));
}

TEST_F(Bind, another_mount_is_left_alone) {
  std::filesystem::create_directories(path_);
  ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_TRUE(fails_with(blocking::prepare_host_path(path_), Errc::occupied));
  EXPECT_TRUE(fails_with(blocking::bind(source_, path_, false), Errc::occupied));
  EXPECT_TRUE(fails_with(blocking::unbind(source_, path_, kMade, true), Errc::occupied));
  EXPECT_TRUE(is_mounted(path_));
}

TEST_F(Bind, a_symlink_is_not_followed) {
  std::filesystem::create_directories(scratch_.path() / "host");
  std::filesystem::create_directory_symlink(source_, path_);
  EXPECT_TRUE(fails_with(blocking::prepare_host_path(path_), Errc::unsafe_path));
  EXPECT_TRUE(fails_with(blocking::bind(source_, path_, false), Errc::unsafe_path));
}

TEST_F(Bind, a_user_keeps_it_busy) {
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, false)));
  Child child([&] {
    if (::chdir(path_.c_str()) != 0) ::_exit(1);
  });
  EXPECT_TRUE(fails_with(blocking::unbind(source_, path_, kMade, false), Errc::busy, std::to_string(child.pid())));
  EXPECT_TRUE(is_mounted(path_));
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, kMade, true)));
}

TEST_F(Bind, a_bind_of_a_stage_works_and_keeps_the_stage_busy) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  ASSERT_TRUE(succeeds(stage(disk, format(disk, "ext4"))));
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(stage_path(), path_, false)));
  EXPECT_TRUE(fails_with(unstage(disk), Errc::busy, path_));
  ASSERT_TRUE(succeeds(blocking::unbind(stage_path(), path_, kMade, false)));
  EXPECT_TRUE(succeeds(unstage(disk)));
}

TEST_F(Bind, an_instance_path_is_made_for_everybody) {
  const auto mask = ::umask(077);
  const auto path = scratch_.path() / "a" / "b";
  ASSERT_TRUE(succeeds(blocking::ensure_instance_path(path)));
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0777U);
  ASSERT_EQ(::stat((scratch_.path() / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  EXPECT_TRUE(succeeds(blocking::ensure_instance_path(path)));
  write_file(path / "file", "x");
  EXPECT_TRUE(fails_with(blocking::ensure_instance_path(path / "file"), Errc::not_found, "not a directory"));
  EXPECT_TRUE(fails_with(blocking::ensure_instance_path(path / ".." / "c"), Errc::unsafe_path));
}

}  // namespace
}  // namespace mooring::test
