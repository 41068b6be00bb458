// Rule 8: disks with a partition table.
#include <filesystem>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

constexpr std::uint64_t kSize = 128 * kMiB;

struct Slot {
  std::uint32_t first;  // in sectors
  std::uint32_t count;
  unsigned char type;
};

/// An MBR, the classic layout: four slots of 16 bytes at 446.
std::string mbr(const std::vector<Slot>& slots) {
  std::string sector(512, '\0');
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t byte = 0; byte < 4; ++byte) sector[at + byte] = static_cast<char>(value >> (8 * byte));
  };
  for (std::size_t index = 0; index < slots.size(); ++index) {
    const std::size_t at = 446 + 16 * index;
    sector[at + 4] = static_cast<char>(slots[index].type);
    put(at + 8, slots[index].first);
    put(at + 12, slots[index].count);
  }
  sector.replace(510, 2, "\x55\xaa");
  return sector;
}

LoopSettings with_table(const std::vector<Slot>& slots) {
  const auto sector = mbr(slots);
  return {.read_only = false,
          .prepare = [sector](int image) { EXPECT_EQ(::pwrite(image, sector.data(), sector.size(), 0), 512); },
          .copy_of = {}};
}

class Partitions : public StageFixture {
 protected:
  static constexpr Slot kFirst{2048, 32 * 2048, 0x83};
  static constexpr Slot kSecond{34 * 2048, 32 * 2048, 0x83};

  /// Also where the kernel itself was built to read no partition tables.
  static void read_partitions(const LoopDisk& disk) { run({"partx", "--update", disk.path()}); }

  void expect_refused(const LoopDisk& disk, const std::string& words) {
    const auto before = disk.fingerprint();
    EXPECT_TRUE(fails_with(blocking::probe(disk.look(), disk.device()), Errc::unsafe_content, words));
    EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "ext4", {}), Errc::unsafe_content));
    EXPECT_EQ(disk.fingerprint(), before);
  }
};

TEST_F(Partitions, the_only_one_with_a_file_system_is_used) {
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst, kSecond}));
  read_partitions(disk);
  run({"mkfs.ext4", "-q", disk.path() + "p2"});
  const auto content = blocking::probe(disk.look(), disk.device());
  ASSERT_TRUE(succeeds(content));
  ASSERT_TRUE(content.value().filesystem);
  EXPECT_EQ(content.value().filesystem->type, "ext4");
  EXPECT_EQ(content.value().device.path, disk.path() + "p2");
  ASSERT_TRUE(succeeds(blocking::check(disk.look(), content.value().device, *content.value().filesystem, {})));
  mount::StageRequest request{.root = root_,
                              .name = "vol",
                              .look = disk.look(),
                              .device = content.value().device,
                              .filesystem = *content.value().filesystem,
                              .options = {}};
  const auto staged = blocking::stage(request);
  ASSERT_TRUE(succeeds(staged));
  EXPECT_EQ(staged.value().source, disk.path() + "p2");
  EXPECT_TRUE(succeeds(blocking::unstage(root_, "vol", content.value().device, false)));
}

TEST_F(Partitions, one_that_is_pinned_elsewhere_keeps_the_disk_used) {  // rule 10
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst, kSecond}));
  read_partitions(disk);
  run({"mkfs.ext4", "-q", disk.path() + "p2"});
  const auto content = blocking::probe(disk.look(), disk.device());
  ASSERT_TRUE(succeeds(content));
  const auto& partition = content.value().device;
  const mount::StageRequest request{.root = root_,
                                    .name = "vol",
                                    .look = disk.look(),
                                    .device = partition,
                                    .filesystem = *content.value().filesystem,
                                    .options = {}};
  ASSERT_TRUE(succeeds(blocking::stage(request)));
  Child child([&] {  // works in it too: with its mount point a mount goes from other namespaces (rmdir(2))
    if (::unshare(CLONE_NEWNS) != 0 || ::chdir(stage_path().c_str()) != 0) ::_exit(1);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(1);
  });
  ASSERT_TRUE(succeeds(blocking::unstage(root_, "vol", partition, true)));
  for (const auto& device : {disk.device(), partition})
    EXPECT_TRUE(blocking::still_mounted_somewhere(device).value()) << device.path;
  child.end();
  for (const auto& device : {disk.device(), partition}) {
    EXPECT_FALSE(blocking::still_mounted_somewhere(device).value());
  }
}

TEST_F(Partitions, another_that_is_used_does_not_keep_ours_from_being_released) {
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst, kSecond}));
  read_partitions(disk);
  run({"mkfs.ext4", "-q", disk.path() + "p2"});
  const auto content = blocking::probe(disk.look(), disk.device());
  ASSERT_TRUE(succeeds(content));
  const auto& partition = content.value().device;
  const mount::StageRequest request{.root = root_,
                                    .name = "vol",
                                    .look = disk.look(),
                                    .device = partition,
                                    .filesystem = *content.value().filesystem,
                                    .options = {}};
  ASSERT_TRUE(succeeds(blocking::stage(request)));
  const int held = ::open((disk.path() + "p1").c_str(), O_RDONLY | O_EXCL | O_CLOEXEC);
  ASSERT_GE(held, 0);
  EXPECT_TRUE(succeeds(blocking::unstage(root_, "vol", partition, false)));
  EXPECT_TRUE(blocking::still_mounted_somewhere(partition).value());  // but it may not be detached
  ::close(held);
  EXPECT_FALSE(blocking::still_mounted_somewhere(partition).value());
}

TEST_F(Partitions, several_with_a_file_system_are_listed) {
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst, kSecond}));
  read_partitions(disk);
  run({"mkfs.ext4", "-q", disk.path() + "p1"});
  run({"mkfs.ext4", "-q", disk.path() + "p2"});
  expect_refused(disk, disk.path() + "p1 (ext4), " + disk.path() + "p2 (ext4)");
}

TEST_F(Partitions, one_that_may_be_the_one_is_not_passed_over) {  // rule 2
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst, kSecond}));
  read_partitions(disk);
  for (const auto* part : {"p1", "p2"}) run({"mkfs.ext4", "-q", disk.path() + part});
  const std::string magic = "_BHRfS_M";  // of a btrfs beside the ext4: ambiguous
  disk.write(kFirst.first * 512UL + 64 * 1024 + 64, magic);
  run({"blockdev", "--flushbufs", disk.path() + "p1"});
  EXPECT_FALSE(blocking::probe(disk.look(), disk.device()));
}

TEST_F(Partitions, one_whose_number_the_kernel_does_not_know_is_refused) {
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst, kSecond}));
  read_partitions(disk);
  run({"mkfs.ext4", "-q", disk.path() + "p1"});
  run({"partx", "--delete", "--nr", "2", disk.path()});
  expect_refused(disk, "partition 2");
}

TEST_F(Partitions, a_table_without_a_file_system_is_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst}));
  read_partitions(disk);
  expect_refused(disk, "none has a file system");
}

TEST_F(Partitions, an_empty_table_is_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize, with_table({}));
  EXPECT_FALSE(blocking::probe(disk.look(), disk.device()));
  EXPECT_FALSE(blocking::format(disk.look(), disk.device(), "ext4", {}));
}

TEST_F(Partitions, a_gpt_is_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize, with_table({{1, 0xffffffff, 0xee}}));
  disk.write(512, std::string("EFI PART\0\0\1\0\x5c\0\0\0", 16));
  const auto before = disk.fingerprint();
  EXPECT_TRUE(fails_with(blocking::probe(disk.look(), disk.device()), Errc::unsafe_content));
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "ext4", {}), Errc::unsafe_content));
  EXPECT_EQ(disk.fingerprint(), before);
}

TEST_F(Partitions, ones_that_the_kernel_still_knows_are_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst}));
  read_partitions(disk);
  disk.erase(0, 512);
  expect_refused(disk, "as the kernel knows it");
}

TEST_F(Partitions, one_that_the_kernel_has_not_read_is_refused) {
  const LoopDisk disk(scratch_.path(), kSize);
  disk.write(0, mbr({kFirst}));
  expect_refused(disk, "partprobe");
}

TEST_F(Partitions, a_partition_is_never_formatted) {
  const LoopDisk disk(scratch_.path(), kSize, with_table({kFirst}));
  read_partitions(disk);
  struct stat status {};
  ASSERT_EQ(::stat((disk.path() + "p1").c_str(), &status), 0);
  auto partition = disk.device();
  partition.path += "p1";
  partition.major = major(status.st_rdev);
  partition.minor = minor(status.st_rdev);
  const auto before = disk.fingerprint();
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), partition, "ext4", {}), Errc::unsafe_content, "partition"));
  EXPECT_EQ(disk.fingerprint(), before);
}

}  // namespace
}  // namespace mooring::test
