// The host's own mounts (rule 17) and directories of the instance.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

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
  ASSERT_TRUE(succeeds(blocking::unbind(source_, path_, true, false)));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(blocking::is_bound(source_, path_).value());
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, true, false)));
}

TEST_F(Bind, a_directory_that_was_there_stays) {
  std::filesystem::create_directories(path_);
  const auto prepared = blocking::prepare_host_path(path_);
  ASSERT_TRUE(succeeds(prepared));
  EXPECT_FALSE(prepared.value().made);
  EXPECT_TRUE(is_immutable(path_));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, false)));
  ASSERT_TRUE(succeeds(blocking::unbind(source_, path_, false, false)));
  EXPECT_FALSE(is_immutable(path_));
}

TEST_F(Bind, read_only_is_read_only) {
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(source_, path_, true)));
  EXPECT_NE(::mkdir((path_ + "/x").c_str(), 0700), 0);
  EXPECT_EQ(::mkdir((source_ + "/x").c_str(), 0700), 0);
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, true, false)));
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
  EXPECT_TRUE(fails_with(blocking::unbind(source_, path_, true, true), Errc::occupied));
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
  EXPECT_TRUE(fails_with(blocking::unbind(source_, path_, true, false), Errc::busy, std::to_string(child.pid())));
  EXPECT_TRUE(is_mounted(path_));
  EXPECT_TRUE(succeeds(blocking::unbind(source_, path_, true, true)));
}

TEST_F(Bind, a_bind_of_a_stage_works_and_keeps_the_stage_busy) {
  const LoopDisk disk(scratch_.path(), smallest_disk("ext4"));
  ASSERT_TRUE(succeeds(stage(disk, format(disk, "ext4"))));
  ASSERT_TRUE(succeeds(blocking::prepare_host_path(path_)));
  ASSERT_TRUE(succeeds(blocking::bind(stage_path(), path_, false)));
  EXPECT_TRUE(fails_with(unstage(disk, "ext4"), Errc::busy, path_));
  ASSERT_TRUE(succeeds(blocking::unbind(stage_path(), path_, true, false)));
  EXPECT_TRUE(succeeds(unstage(disk, "ext4")));
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
