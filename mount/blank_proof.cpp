#include "mount/blank_proof.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mount/partitions.h"
#include "mount/probe.h"

namespace mooring::mount {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kBlock = 4 * kKiB;  // the largest logical sector
constexpr std::uint64_t kReadAllUpTo = 64 * kMiB;
constexpr std::uint64_t kChunk = kMiB;
constexpr int kSamples = 64;
// A partition table may be lost, and what it told of still be there: all that follows the usual beginnings of a first
// partition (sector 63, and 1, 2, 4 and 8 MiB) is read.
constexpr std::uint64_t kHead = 16 * kMiB;
constexpr std::uint64_t kFirstPartitions[] = {63 * 512UL, kMiB};

/// ext keeps copies in group 1 and in powers of 3, 5 and 7 (sparse_super), or in group 1 and the last (sparse_super2);
/// a group has 8 × block size blocks, the copy is in its first one (ext4(5), Documentation/filesystems/ext4). `start`:
/// where the file system begins.
void add_ext_copies(std::uint64_t size, std::uint64_t start, std::vector<Extent>& places) {
  for (const std::uint64_t block : {1 * kKiB, 2 * kKiB, 4 * kKiB, 64 * kKiB}) {
    const std::uint64_t group = 8 * block * block;
    const std::uint64_t last = (size - start - 1) / group;
    const std::uint64_t from = start / kBlock * kBlock;
    const auto add = [&](std::uint64_t number) {
      // With 1 KiB blocks the first group starts at block 1. Reading 8 KiB covers both, and sector 63.
      if (number >= 1 && number <= last) places.push_back({from + number * group, 2 * kBlock});
    };
    add(1);
    add(last);
    for (const std::uint64_t base : {3U, 5U, 7U}) {
      for (std::uint64_t number = base; number <= last; number *= base) add(number);
    }
  }
}

/// mkfs.xfs makes 4 allocation groups up to 4 TiB, then groups of 1 TiB (mkfs.xfs(8), agcount); each begins with a
/// superblock. Rounding may shift it, and so does a partition that begins at 1 MiB and ends a little before the disk:
/// a MiB before and after is read.
void add_xfs_groups(std::uint64_t size, std::vector<Extent>& places) {
  const std::uint64_t quarter = std::min(size / 4, 1024 * kGiB);
  for (std::uint64_t start = quarter; start < size; start += quarter) {
    places.push_back({start / kBlock * kBlock - kMiB, 2 * kMiB + kBlock});
  }
}

/// Sorted, cut at the end of the disk, without overlap.
std::vector<Extent> tidy(std::vector<Extent> places, std::uint64_t size) {
  std::sort(places.begin(), places.end(), [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
  std::vector<Extent> result;
  for (const auto& place : places) {
    if (place.offset >= size) continue;
    const std::uint64_t end = std::min(size, place.offset + place.length);
    if (!result.empty() && place.offset <= result.back().offset + result.back().length) {
      auto& previous = result.back();
      previous.length = std::max(previous.offset + previous.length, end) - previous.offset;
    } else {
      result.push_back({place.offset, end - place.offset});
    }
  }
  return result;
}

using Buffer = std::unique_ptr<unsigned char, Deleter<std::free>>;

Result<void> expect_zeros(int descriptor, const Extent& place, unsigned char* buffer, const std::string& path) {
  std::uint64_t done = 0;
  while (done < place.length) {
    const auto want = static_cast<std::size_t>(std::min(kChunk, place.length - done));
    const ssize_t got = ::pread(descriptor, buffer, want, static_cast<off_t>(place.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return system_error("cannot read " + path + " at byte " + std::to_string(place.offset + done),
                          got < 0 ? errno : EIO, Errc::unreadable);
    }
    const auto length = static_cast<std::size_t>(got);
    // All bytes are equal to the one before them, and the first is zero.
    if (buffer[0] != 0 || std::memcmp(buffer, buffer + 1, length - 1) != 0) {
      const auto* data = std::find_if(buffer, buffer + length, [](unsigned char byte) { return byte != 0; });
      const std::uint64_t offset = place.offset + done + static_cast<std::uint64_t>(data - buffer);
      return Error{Errc::unsafe_content,
                   path + " is not blank: there is data at byte " + std::to_string(offset) +
                       ", though no file system is known there. " + kHowToClear,
                   0};
    }
    done += length;
  }
  return boost::outcome_v2::success();
}

}  // namespace

std::vector<Extent> places_to_read(std::uint64_t size) {
  if (size == 0) return {};
  if (size <= kReadAllUpTo) return {{0, size}};
  // The last MiB holds md 0.90 and 1.0 superblocks, the second GPT, ZFS labels.
  const std::uint64_t tail = (size - kMiB) / kBlock * kBlock;
  std::vector<Extent> places{{0, kHead}, {tail, size - tail}};
  for (int sample = 1; sample <= kSamples; ++sample) {
    places.push_back({size / (kSamples + 1) * static_cast<std::uint64_t>(sample) / kBlock * kBlock, kBlock});
  }
  add_ext_copies(size, 0, places);
  for (const std::uint64_t start : kFirstPartitions) add_ext_copies(size, start, places);
  // Copies of the btrfs superblock (btrfs(5), on-disk format); the first, at 64 KiB, is within the head.
  for (const std::uint64_t copy : {64 * kMiB, 256 * kGiB}) places.push_back({copy, kMiB + 2 * kBlock});
  add_xfs_groups(size, places);
  return tidy(std::move(places), size);
}

Result<void> prove_blank(const OpenDevice& disk) {
  const std::string& path = disk.device.path;
  if (disk.device.size == 0) return Error{Errc::unsafe_content, path + " has no size", 0};
  BOOST_OUTCOME_TRY(const bool partitioned, has_partition_nodes(disk.device));
  if (partitioned) {
    return Error{Errc::unsafe_content, path + " has partitions, as the kernel knows it: a partition table is data", 0};
  }
  // A stale page cache must not make a disk look blank: drop it, then read past it.
  if (::ioctl(disk.fd.get(), BLKFLSBUF, 0) != 0) return system_error("cannot drop the page cache of " + path, errno);
  BOOST_OUTCOME_TRY(const auto found, read_signatures(disk));
  if (found.filesystem || !found.partition_table.empty()) {
    return Error{Errc::unsafe_content, path + " changed while it was being probed", 0};
  }
  Fd direct;
  if (auto opened = reopen(disk, O_RDONLY | O_DIRECT)) {
    direct = std::move(opened.value());
  } else if (opened.error().system_error == EINVAL) {  // the driver cannot; the cache was dropped just now
    BOOST_OUTCOME_TRY(direct, reopen(disk, O_RDONLY));
  } else {
    return opened.error();
  }
  const Buffer buffer(static_cast<unsigned char*>(std::aligned_alloc(kBlock, kChunk)));
  if (!buffer) return system_error("cannot read " + path, ENOMEM);
  for (const auto& place : places_to_read(disk.device.size)) {
    BOOST_OUTCOME_TRY(expect_zeros(direct.get(), place, buffer.get(), path));
  }
  return boost::outcome_v2::success();
}

}  // namespace mooring::mount
