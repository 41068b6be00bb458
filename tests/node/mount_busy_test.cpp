// Rule 10: nothing is detached that somebody still has. "Busy" changes nothing and says who.
#include <cstdlib>

#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount/copies.h"
#include "mount/kernel_files.h"
#include "mount/stage_place.h"
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
    const auto released = unstage(disk_);
    EXPECT_TRUE(fails_with(released, Errc::busy, words));
    EXPECT_TRUE(is_mounted(stage_path()));
    EXPECT_EQ(read_whole(stage_path() + "/data"), "kept");
  }

  void stage_with_data() {
    ASSERT_TRUE(succeeds(stage(disk_, made_)));
    write_file(stage_path() + "/data", "kept");
  }

  void expect_released() {
    EXPECT_TRUE(succeeds(unstage(disk_)));
    EXPECT_FALSE(std::filesystem::exists(stage_path()));
    const auto still = blocking::still_mounted_somewhere(disk_.device());
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
  const auto still = blocking::still_mounted_somewhere(disk_.device());
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
  EXPECT_TRUE(fails_with(unstage(disk_), Errc::busy, "pid " + std::to_string(child.pid())));
  child.end();
  expect_released();
}

TEST_F(Busy, force_detaches_it_all_the_same) {
  stage_with_data();
  Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
  EXPECT_TRUE(succeeds(unstage(disk_, true)));
  EXPECT_FALSE(is_mounted(stage_path()));
  const auto still = blocking::still_mounted_somewhere(disk_.device());
  ASSERT_TRUE(succeeds(still));
  EXPECT_TRUE(still.value());
  child.end();
}

TEST_F(Busy, by_a_lazily_unmounted_file_system_that_is_in_no_table) {
  stage_with_data();
  Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
  ASSERT_EQ(::umount2(stage_path().c_str(), MNT_DETACH), 0);
  EXPECT_TRUE(blocking::still_mounted_somewhere(disk_.device()).value());
  EXPECT_TRUE(fails_with(unstage(disk_), Errc::busy, "pid " + std::to_string(child.pid())));
  child.end();
  expect_released();
}

TEST_F(Busy, nothing_is_proven_without_a_descriptor_to_ask_with) {
  stage_with_data();
  const auto device = disk_.device();
  ASSERT_EQ(::umount(stage_path().c_str()), 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto still = blocking::still_mounted_somewhere(device);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(fails_with(still, Errc::system, "Too many open files"));
  expect_released();
}

TEST_F(Busy, nothing_is_proven_of_a_disk_that_cannot_be_opened) {
  const auto device = disk_.device();
  const pid_t child = ::fork();
  if (child == 0) {
    must(::unshare(CLONE_NEWNS) == 0);
    if (const pid_t nobody = ::fork(); nobody == 0) {
      must(::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0);
      must(!blocking::still_mounted_somewhere(device));
      ::_exit(0);
    } else {
      int status = -1;
      must(::waitpid(nobody, &status, 0) == nobody && status == 0);
    }
    must(::mount("none", "/dev", "tmpfs", 0, nullptr) == 0);  // the kernel has the disk, but no node leads to it
    must(!blocking::still_mounted_somewhere(device));
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(Busy, a_table_that_cannot_be_read_is_an_error) {
  stage_with_data();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Enough for our own table and the list of processes, not for the table of another namespace as well.
  Child child([&] { must(::unshare(CLONE_NEWNS) == 0); });
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  ASSERT_TRUE(succeeds(mount::mount_namespaces()));
  const rlimit little{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &little), 0);
  const auto listed = mount::names_in("/proc");
  const auto spaces = mount::mount_namespaces();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(listed);
  EXPECT_FALSE(spaces);
  child.end();
  expect_released();
}

TEST_F(Busy, a_process_that_may_not_be_looked_at_is_an_error) {
  const pid_t child = ::fork();
  if (child == 0) {
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount("proc", "/proc", "proc", 0, "hidepid=1") == 0);
    must(::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0);
    must(!mount::names_in("/proc/1/fd"));
    must(!mount::mount_namespaces());
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(Busy, a_process_that_has_ended_hides_no_table) {
  stage_with_data();
  const pid_t zombie = ::fork();
  if (zombie == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(succeeds(mount::mount_namespaces()));
  expect_released();
  ::waitpid(zombie, nullptr, 0);
}

TEST_F(Busy, force_writes_first) {
  stage_with_data();
  const std::string words = "only in memory until now, " + std::string(64, 'x');
  write_file(stage_path() + "/late", words);
  Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
  EXPECT_TRUE(succeeds(unstage(disk_, true)));
  EXPECT_NE(read_whole(disk_.image()).find(words), std::string::npos);
  child.end();
}

TEST_F(Busy, force_does_not_wait_for_a_disk_that_does_not_answer) {
  stage_with_data();
  {
    LoopDisk inner(stage_path(), 8 * kMiB);
    ASSERT_TRUE(succeeds(stage(inner, format(inner, "ext4"), "inner")));
    const int outer = ::open(stage_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    write_file(stage_path("inner") + "/late", "x");
    ASSERT_EQ(::ioctl(outer, FIFREEZE, 0), 0);  // writes of the inner disk now wait
    {
      const mount::Place place{mount::open_directory(root_).value(), "inner", stage_path("inner")};
      EXPECT_FALSE(mount::sync_within(place, std::chrono::milliseconds(100)));
      ASSERT_EQ(::ioctl(outer, FITHAW, 0), 0);
      ::close(outer);
      EXPECT_TRUE(mount::sync_within(place, std::chrono::seconds(60)));
    }
    ASSERT_TRUE(succeeds(unstage(inner, true, "inner")));
  }
  EXPECT_TRUE(succeeds(unstage(disk_, true)));
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
    EXPECT_TRUE(fails_with(unstage(disk), Errc::busy, "pid " + std::to_string(child.pid())));
  }
  {
    Child child([&] { must(::chdir(stage_path().c_str()) == 0); });
    EXPECT_TRUE(fails_with(unstage(disk), Errc::busy, "working directory"));
  }
  EXPECT_TRUE(is_mounted(stage_path()));
  EXPECT_TRUE(succeeds(unstage(disk)));
  const auto still = blocking::still_mounted_somewhere(disk.device());
  ASSERT_TRUE(succeeds(still));
  EXPECT_FALSE(still.value());
}

}  // namespace
}  // namespace mooring::test
