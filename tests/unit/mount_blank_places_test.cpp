#include <gtest/gtest.h>

#include "mount/blank_proof.h"

namespace mooring::mount {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kGiB = 1024 * kMiB;

bool read_at(std::uint64_t size, std::uint64_t offset) {
  for (const auto& place : places_to_read(size)) {
    if (place.offset <= offset && offset < place.offset + place.length) return true;
  }
  return false;
}

TEST(BlankPlaces, small_disks_are_read_whole) {
  EXPECT_EQ(places_to_read(64 * kMiB), (std::vector<Extent>{{0, 64 * kMiB}}));
  EXPECT_EQ(places_to_read(512), (std::vector<Extent>{{0, 512}}));
  EXPECT_TRUE(places_to_read(0).empty());
}

TEST(BlankPlaces, are_in_order_apart_and_on_the_disk) {
  for (const std::uint64_t size :
       {64 * kMiB + 512, 65 * kMiB, 512 * kMiB, 10 * kGiB + 4096, 500 * kGiB, 16384 * kGiB + 512}) {
    std::uint64_t end = 0;
    std::uint64_t total = 0;
    for (const auto& place : places_to_read(size)) {
      EXPECT_EQ(place.offset % 4096, 0U);
      EXPECT_TRUE(place.offset > end || end == 0);
      EXPECT_GT(place.length, 0U);
      end = place.offset + place.length;
      total += place.length;
    }
    EXPECT_EQ(end, size);
    EXPECT_LT(total, 64 * kMiB);  // whatever the size
  }
}

TEST(BlankPlaces, hold_every_known_copy_of_a_superblock) {  // rule 4
  const std::uint64_t size = 500 * kGiB;
  for (const std::uint64_t offset :
       {64 * 1024UL, 64 * kMiB, 256 * kGiB,                                              // btrfs
        8193 * 1024UL, 16384 * 2048UL, 32768 * 4096UL, 98304 * 4096UL, 163840 * 4096UL,  // ext
        size / 4, size / 2, size / 4 * 3,                                                // xfs
        size - kMiB, size - 128 * 1024, size - 8192, size - 512, size - 1}) {            // md, ZFS, GPT
    EXPECT_TRUE(read_at(size, offset)) << offset;
  }
}

TEST(BlankPlaces, hold_what_a_lost_partition_table_told_of) {  // rule 4
  const std::uint64_t size = 500 * kGiB;
  for (const std::uint64_t start : {63 * 512UL, kMiB}) {
    for (const std::uint64_t offset :
         {1024UL, 4096UL, 64 * 1024UL, 64 * kMiB, 256 * kGiB,                        // ext, md, btrfs
          8193 * 1024UL, 16384 * 2048UL, 32768 * 4096UL, 98304 * 4096UL,             // copies of ext
          (size - start) / 4, (size - start) / 2, (size - 2 * kMiB - start) / 4}) {  // of xfs
      EXPECT_TRUE(read_at(size, start + offset)) << start << " + " << offset;
    }
  }
  for (const std::uint64_t start : {2 * kMiB, 4 * kMiB, 8 * kMiB}) EXPECT_TRUE(read_at(size, start + 65536));
}

}  // namespace
}  // namespace mooring::mount
