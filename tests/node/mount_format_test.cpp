// Rules 1 to 7: what is formatted, and above all what is not. A refused disk keeps every byte.
#include <array>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

constexpr std::uint64_t kSize = 512 * kMiB;

class Format : public StageFixture {
 protected:
  /// Refused by probe and by format, and not changed by either.
  void expect_untouched(const LoopDisk& disk, Errc code, const std::string& words = "") {
    const auto before = disk.fingerprint();
    const auto probed = blocking::probe(disk.look(), disk.device());
    EXPECT_TRUE(fails_with(probed, code, words));
    expect_not_formatted(disk, code);
    EXPECT_EQ(disk.fingerprint(), before);
  }

  void expect_not_formatted(const LoopDisk& disk, Errc code) {
    const auto before = disk.fingerprint();
    for (const auto* type : {"ext4", "xfs", "btrfs"}) {
      EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), type, {}), code)) << type;
    }
    EXPECT_EQ(disk.fingerprint(), before);
  }
};

TEST_F(Format, a_blank_disk_is_proven_blank) {
  const LoopDisk disk(scratch_.path(), kSize);
  const auto content = blocking::probe(disk.look(), disk.device());
  ASSERT_TRUE(succeeds(content));
  EXPECT_FALSE(content.value().filesystem);
  EXPECT_EQ(content.value().device, disk.device());
}

TEST_F(Format, a_disk_of_an_odd_size_is_formatted) {
  const LoopDisk disk(scratch_.path(), 65 * kMiB + 512);
  format(disk, "ext4");
}

TEST_F(Format, an_unknown_type_is_refused) {
  const LoopDisk disk(scratch_.path(), kSize);
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "vfat", {}), Errc::format_failed, "ext4"));
  EXPECT_EQ(disk.fingerprint(), LoopDisk(scratch_.path(), kSize).fingerprint());
}

class ZeroedSuperblock : public Format, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, ZeroedSuperblock, ::testing::Values("ext4", "xfs", "btrfs"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(ZeroedSuperblock, is_not_blank) {  // rule 4
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), kSize);
  format(disk, fs);
  disk.erase(fs == "btrfs" ? 65536 : 0, 4096);
  expect_untouched(disk, Errc::unsafe_content, "not blank");
}

TEST_P(ZeroedSuperblock, is_not_blank_without_its_first_mib) {  // rule 4
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), kSize);
  format(disk, fs);
  disk.erase(0, kMiB);
  expect_untouched(disk, Errc::unsafe_content, "not blank");
}

TEST_P(ZeroedSuperblock, a_file_system_is_never_formatted_over) {  // rules 1 and 6
  const std::string fs = GetParam();
  const LoopDisk disk(scratch_.path(), kSize);
  format(disk, fs);
  expect_not_formatted(disk, Errc::unsafe_content);
}

/// A disk with a file system in a partition at 1 MiB, as partitioners make it, whose table is lost.
class LostTable : public Format, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, LostTable, ::testing::Values("ext4", "xfs", "btrfs"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(LostTable, is_not_blank) {  // rule 4
  constexpr std::uint64_t kPart = 400 * kMiB;
  const LoopDisk inner(scratch_.path(), kPart);
  format(inner, GetParam());
  const LoopDisk disk(scratch_.path(), 2048 * kMiB);
  std::ifstream image(inner.image(), std::ios::binary);
  std::string piece(kMiB, '\0');
  for (std::uint64_t at = 0; at < kPart; at += kMiB) {
    ASSERT_TRUE(image.read(piece.data(), static_cast<std::streamsize>(kMiB)));
    if (piece.find_first_not_of('\0') != std::string::npos) disk.write(kMiB + at, piece);
  }
  expect_untouched(disk, Errc::unsafe_content, "not blank");
  disk.erase(0, 16 * kMiB);  // and with all its head
  expect_untouched(disk, Errc::unsafe_content, "not blank");
}

TEST_F(Format, only_an_ext_backup_superblock_is_left) {  // rule 4: what only a look for copies finds
  const LoopDisk disk(scratch_.path(), kSize);
  format(disk, "ext4");
  const LoopDisk rest(scratch_.path(), kSize);
  std::string copy(1024, '\0');
  const int fd = ::open(disk.path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::pread(fd, copy.data(), copy.size(), 128 * kMiB), 1024);  // group 1, with 4 KiB blocks
  ::close(fd);
  rest.write(128 * kMiB, copy);
  expect_untouched(rest, Errc::unsafe_content, "not blank");
  EXPECT_TRUE(fails_with(blocking::format(rest.look(), rest.device(), "ext4", {}), Errc::unsafe_content, "e2fsck"));
}

struct Place {
  const char* name;
  std::uint64_t offset;
};
class DataWithoutSignature : public Format, public ::testing::WithParamInterface<Place> {};
INSTANTIATE_TEST_SUITE_P(At, DataWithoutSignature,
                         ::testing::Values(Place{"the_first_byte", 0}, Place{"the_end_of_the_first_mib", kMiB - 1},
                                           Place{"the_last_mib", kSize - kMiB}, Place{"the_last_byte", kSize - 1},
                                           Place{"a_sample", kSize / 65 * 32 / 4096 * 4096 + 100},
                                           Place{"a_btrfs_mirror", 64 * kMiB + 1}, Place{"an_xfs_group", kSize / 4}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(DataWithoutSignature, is_data) {  // rule 4
  const LoopDisk disk(scratch_.path(), kSize);
  disk.write(GetParam().offset, "x");
  expect_untouched(disk, Errc::unsafe_content, std::to_string(GetParam().offset));
}

TEST_F(Format, a_small_disk_is_read_whole) {
  const LoopDisk disk(scratch_.path(), 64 * kMiB);
  disk.write(33 * kMiB + 12345, "x");
  expect_untouched(disk, Errc::unsafe_content, std::to_string(33 * kMiB + 12345));
}

TEST_F(Format, swap_is_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize);
  run({"mkswap", disk.path()});
  expect_untouched(disk, Errc::foreign_content, "swap");
}

TEST_F(Format, luks_is_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize);
  std::string header(592, '\0');
  header.replace(0, 8, std::string("LUKS\xba\xbe\0\x01", 8));
  header.replace(168, 36, "12345678-1234-1234-1234-123456789abc");
  disk.write(0, header);
  expect_untouched(disk, Errc::foreign_content, "crypto_LUKS");
}

TEST_F(Format, lvm_is_data) {  // rule 3
  const LoopDisk disk(scratch_.path(), kSize);
  // Label in the second sector: id, sector, CRC (left wrong: a damaged signature is data all the same), offset, type.
  std::string label(512, '\0');
  label.replace(0, 8, "LABELONE");
  label[8] = 1;
  label[20] = 32;
  label.replace(24, 8, "LVM2 001");
  label.replace(32, 32, "abcdefghijklmnopqrstuvwxyz012345");
  disk.write(512, label);
  expect_untouched(disk, Errc::unsafe_content, "(LVM2_member) whose checksum is wrong");
}

TEST_F(Format, a_raid_member_is_data) {  // rule 3; md 1.0: the superblock is 8 KiB before the end
  const LoopDisk disk(scratch_.path(), kSize);
  std::string super(256, '\0');
  super.replace(0, 4, "\xfc\x4e\x2b\xa9");
  super[4] = 1;
  const std::uint64_t sector = (kSize / 512 - 16) & ~7ULL;
  for (int byte = 0; byte < 8; ++byte)
    super[static_cast<std::size_t>(144 + byte)] = static_cast<char>(sector >> (8 * byte));
  disk.write(sector * 512, super);
  expect_untouched(disk, Errc::foreign_content);
}

TEST_F(Format, two_signatures_are_ambiguous) {  // rule 2
  const LoopDisk disk(scratch_.path(), kSize);
  format(disk, "ext4");
  LoopDisk other(scratch_.path(), kSize);
  run({"mkfs.btrfs", "-q", other.path()});
  std::string super(4096, '\0');
  const int fd = ::open(other.path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::pread(fd, super.data(), super.size(), 65536), 4096);
  ::close(fd);
  disk.write(65536, super);
  expect_untouched(disk, Errc::unsafe_content, "several kinds");
}

TEST_F(Format, another_disk_than_the_one_meant_is_not_formatted) {  // rules 5 and 7
  const LoopDisk disk(scratch_.path(), kSize);
  const LoopDisk meant(scratch_.path(), kSize);
  const auto before = disk.fingerprint();
  EXPECT_TRUE(fails_with(blocking::format(meant.look(), disk.device(), "ext4", {}), Errc::wrong_disk, "another file"));
  EXPECT_TRUE(fails_with(blocking::probe(meant.look(), disk.device()), Errc::wrong_disk));
  auto serial = disk.look();
  serial.serial = "vol0123";
  EXPECT_TRUE(fails_with(blocking::format(serial, disk.device(), "ext4", {}), Errc::wrong_disk, "vol0123"));
  EXPECT_TRUE(fails_with(blocking::format({}, disk.device(), "ext4", {}), Errc::wrong_disk));
  auto reused = disk.device();
  reused.minor += 1;
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), reused, "ext4", {}), Errc::wrong_disk));
  EXPECT_EQ(disk.fingerprint(), before);
}

TEST_F(Format, a_disk_smaller_than_the_api_says_is_not_formatted) {  // rule 5
  const LoopDisk disk(scratch_.path(), kSize);
  auto look = disk.look();
  look.size = kSize + 1;
  EXPECT_TRUE(fails_with(blocking::format(look, disk.device(), "ext4", {}), Errc::wrong_disk, "fewer"));
}

TEST_F(Format, a_file_is_not_a_disk) {  // rule 5
  const LoopDisk disk(scratch_.path(), kSize);
  auto device = disk.device();
  device.path = disk.image();
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), device, "ext4", {}), Errc::wrong_disk, "not a block device"));
}

TEST_F(Format, a_disk_that_somebody_holds_is_not_formatted) {  // rule 5
  const LoopDisk disk(scratch_.path(), kSize);
  const int held = ::open(disk.path().c_str(), O_RDWR | O_EXCL | O_CLOEXEC);
  ASSERT_GE(held, 0);
  const auto before = disk.fingerprint();
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "ext4", {}), Errc::busy, "held exclusively"));
  EXPECT_EQ(disk.fingerprint(), before);
  ::close(held);
  format(disk, "ext4");
}

TEST_F(Format, a_lock_is_waited_for_until_a_stop) {  // rule 5
  const LoopDisk disk(scratch_.path(), kSize);
  const int held = ::open(disk.path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(held, LOCK_SH), 0);
  const auto before = disk.fingerprint();
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "ext4", stop.get_token()), Errc::cancelled,
                         "waiting for the lock"));
  EXPECT_EQ(disk.fingerprint(), before);
  ::close(held);
}

TEST_F(Format, a_lock_is_waited_for_until_it_goes) {
  const LoopDisk disk(scratch_.path(), kSize);
  const int held = ::open(disk.path().c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(held, LOCK_SH), 0);
  std::jthread releaser([&] { ::close(held); });
  format(disk, "ext4");
}

TEST_F(Format, a_read_only_disk_is_not_formatted) {
  const LoopDisk disk(scratch_.path(), kSize, {.read_only = true, .prepare = {}, .copy_of = {}});
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "ext4", {}), Errc::format_failed, "read-only"));
}

TEST_F(Format, nothing_is_discarded) {
  for (const std::string fs : {"ext4", "xfs", "btrfs"}) {
    const LoopDisk disk(scratch_.path(), kSize);
    const auto discards = [&] {  // Documentation/block/stat.rst: the twelfth number, discard I/Os processed
      std::istringstream numbers(read_whole("/sys/block" + disk.path().substr(4) + "/stat"));
      std::uint64_t number = 0;
      for (int index = 0; index < 12; ++index) numbers >> number;
      EXPECT_TRUE(numbers);
      return number;
    };
    const auto before = discards();
    format(disk, fs);
    EXPECT_EQ(discards(), before) << fs;
  }
}

TEST_F(Format, what_mkfs_says_is_in_the_error) {
  const LoopDisk disk(scratch_.path(), 4 * kMiB);  // too small for xfs
  EXPECT_TRUE(fails_with(blocking::format(disk.look(), disk.device(), "xfs", {}), Errc::format_failed, "mkfs.xfs"));
}

}  // namespace
}  // namespace mooring::test
