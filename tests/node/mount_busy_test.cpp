// Rule 10: nothing is detached that somebody still has. "Busy" changes nothing and says who.
#include <cstdlib>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

void must(bool success) {
  if (!success) std::_Exit(1);
}

class Busy : public StageFixture {
 protected:
  void SetUp() override {
    // A mount whose propagation the tests choose, as / is shared on a host.
    std::filesystem::create_directory(root_);
    ASSERT_EQ(::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount("none", root_.c_str(), nullptr, MS_SHARED, nullptr), 0);
  }

  LoopDisk disk_{scratch_.path(), smallest_disk("ext4")};
  mount::FileSystem made_ = format(disk_, "ext4");

  void expect_busy(const std::string& words) {
    const auto released = unstage(disk_, "ext4");
    EXPECT_TRUE(fails_with(released, Errc::busy, words));
    EXPECT_TRUE(is_mounted(stage_path()));
    EXPECT_EQ(read_whole(stage_path() + "/data"), "kept");
  }

  void stage_with_data() {
    ASSERT_TRUE(succeeds(stage(disk_, made_)));
    write_file(stage_path() + "/data", "kept");
  }

  void expect_released() {
    EXPECT_TRUE(succeeds(unstage(disk_, "ext4")));
    EXPECT_FALSE(std::filesystem::exists(stage_path()));
    const auto still = blocking::still_mounted_somewhere(disk_.device(), "ext4");
    ASSERT_TRUE(succeeds(still));
    EXPECT_FALSE(still.value());
  }
};

TEST_F(Busy, by_a_working_directory) {
  stage_with_data();
  Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
  expect_busy("pid " + std::to_string(child.pid()) + ", working directory");
  const auto users = blocking::find_users(disk_.device(), stage_path());
  ASSERT_TRUE(succeeds(users));
  ASSERT_EQ(users.value().size(), 1U);
  EXPECT_EQ(users.value()[0].pid, child.pid());
  EXPECT_FALSE(users.value()[0].command.empty());
  child.end();
  expect_released();
}

TEST_F(Busy, by_an_open_file) {
  stage_with_data();
  Child child([&] { must(::open((stage_path() + "/data").c_str(), O_RDONLY) >= 0); });
  expect_busy("open file " + stage_path() + "/data");
  child.end();
  expect_released();
}

TEST_F(Busy, by_a_mapped_file) {
  stage_with_data();
  Child child([&] {
    const int fd = ::open((stage_path() + "/data").c_str(), O_RDONLY);
    must(fd >= 0 && ::mmap(nullptr, 4, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    ::close(fd);
  });
  expect_busy("mapped file " + stage_path() + "/data");
  child.end();
  expect_released();
}

TEST_F(Busy, by_a_loop_device_on_it) {
  stage_with_data();
  LoopDisk inner(stage_path(), kMiB);
  expect_busy(inner.path());
  inner.detach();
  std::filesystem::remove(inner.image());
  expect_released();
}

TEST_F(Busy, by_a_bind_in_this_namespace) {
  stage_with_data();
  const auto elsewhere = scratch_.path() / "elsewhere";
  std::filesystem::create_directory(elsewhere);
  ASSERT_EQ(::mount(stage_path().c_str(), elsewhere.c_str(), nullptr, MS_BIND, nullptr), 0);
  expect_busy("also mounted at " + elsewhere.string());
  ASSERT_EQ(::umount(elsewhere.c_str()), 0);
  expect_released();
}

TEST_F(Busy, by_a_private_mount_namespace) {
  stage_with_data();
  Child child([&] {
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  });
  expect_busy("pid " + std::to_string(child.pid()));
  const auto still = blocking::still_mounted_somewhere(disk_.device(), "ext4");
  ASSERT_TRUE(succeeds(still));
  EXPECT_TRUE(still.value());
  child.end();
  expect_released();
}

TEST_F(Busy, by_a_private_namespace_that_binds_a_subdirectory) {
  stage_with_data();
  std::filesystem::create_directory(stage_path() + "/sub");
  Child child([&] {  // what a container runtime does
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    must(::mount((stage_path() + "/sub").c_str(), "/srv", nullptr, MS_BIND, nullptr) == 0);
    must(::umount2(stage_path().c_str(), MNT_DETACH) == 0);
  });
  expect_busy("mounted there at /srv");
  child.end();
  expect_released();
}

TEST_F(Busy, not_by_a_namespace_whose_copy_goes_along) {
  stage_with_data();
  Child child([&] {  // like most services of systemd
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0);
  });
  const auto users = blocking::find_users(disk_.device(), stage_path());
  ASSERT_TRUE(succeeds(users));
  EXPECT_TRUE(users.value().empty());
  expect_released();
}

TEST_F(Busy, not_by_a_namespace_behind_another) {
  stage_with_data();
  Child child([&] {  // shared again: a peer group of its own, which receives from ours
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_SHARED, nullptr) == 0);
  });
  expect_released();
}

TEST_F(Busy, by_a_slave_namespace_with_a_copy_elsewhere) {
  stage_with_data();
  Child child([&] {
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0);
    must(::mount(stage_path().c_str(), "/srv", nullptr, MS_BIND, nullptr) == 0);
  });
  expect_busy("mounted there at /srv");
  child.end();
  expect_released();
}

TEST_F(Busy, by_a_slave_namespace_that_works_in_it) {
  stage_with_data();
  Child child([&] {
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0);
    must(::chdir(stage_path().c_str()) == 0);
  });
  expect_busy("pid " + std::to_string(child.pid()));
  child.end();
  expect_released();
}

TEST_F(Busy, still_after_it_was_unmounted_behind_our_back) {
  stage_with_data();
  Child child([&] {
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  });
  ASSERT_EQ(::umount(stage_path().c_str()), 0);
  EXPECT_TRUE(fails_with(unstage(disk_, "ext4"), Errc::busy, "pid " + std::to_string(child.pid())));
  child.end();
  expect_released();
}

TEST_F(Busy, force_detaches_it_all_the_same) {
  stage_with_data();
  Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
  EXPECT_TRUE(succeeds(unstage(disk_, "ext4", true)));
  EXPECT_FALSE(is_mounted(stage_path()));
  const auto still = blocking::still_mounted_somewhere(disk_.device(), "ext4");
  ASSERT_TRUE(succeeds(still));
  EXPECT_TRUE(still.value());
  child.end();
}

class BusyEach : public Busy, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, BusyEach, ::testing::Values("xfs", "btrfs"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(BusyEach, by_a_private_mount_namespace_and_a_process) {
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), smallest_disk(fs));
  ASSERT_TRUE(succeeds(stage(disk, format(disk, fs))));
  {
    Child child([&] {
      must(::unshare(CLONE_NEWNS) == 0);
      must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    });
    EXPECT_TRUE(fails_with(unstage(disk, fs), Errc::busy, "pid " + std::to_string(child.pid())));
  }
  {
    Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
    EXPECT_TRUE(fails_with(unstage(disk, fs), Errc::busy, "working directory"));
  }
  EXPECT_TRUE(is_mounted(stage_path()));
  EXPECT_TRUE(succeeds(unstage(disk, fs)));
  const auto still = blocking::still_mounted_somewhere(disk.device(), fs);
  ASSERT_TRUE(succeeds(still));
  EXPECT_FALSE(still.value());
}

}  // namespace
}  // namespace mooring::test
