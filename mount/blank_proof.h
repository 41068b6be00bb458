// Proof by reading that a disk holds nothing (rule 4). Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "mount/block_device.h"

namespace mooring::mount {

struct Extent {
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;
  bool operator==(const Extent&) const = default;
};

/// What is read of a disk of that size: everything up to 64 MiB; else the first 16 MiB and the last MiB, samples
/// between, and the places where ext, xfs and btrfs keep copies of their superblocks, also in a first partition whose
/// table was lost. Sorted, not overlapping, multiples of 4 KiB but for the disk's end. Pure.
std::vector<Extent> places_to_read(std::uint64_t size);

/// Success only if every byte read is zero and libblkid, asked again after the page cache was dropped, sees nothing.
/// Errors: unsafe_content naming the place, unreadable, system.
Result<void> prove_blank(const OpenDevice& disk);

}  // namespace mooring::mount
