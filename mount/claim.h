// Keeps others off a disk while it is formatted or repaired (rule 5), and asks who keeps us off (rule 10). Internal.
#pragma once

#include <chrono>
#include <stop_token>

#include "mount/block_device.h"

namespace mooring::mount {

/// How long others (udevd, while it probes) may keep their lock.
inline constexpr std::chrono::seconds kLockPatience{10};

/// Takes flock(LOCK_EX) on the open device, by which udevd leaves it alone (systemd.io/BLOCK_DEVICE_LOCKING). Waits for
/// a holder to close it, at most `patience`. The lock lasts as long as the descriptor. Errors: busy, cancelled, system.
Result<void> lock(const OpenDevice& device, std::stop_token stop, std::chrono::milliseconds patience = kLockPatience);

enum class Holder {
  none,
  somebody,  // mounted in some namespace or none, swap, device-mapper, md, or a program with O_EXCL
  gone,      // the device is not there any more, so the kernel cannot be asked
};

/// Whether the kernel has given the device to a holder: a file system holds its device from mount(2) until its
/// superblock is gone, whatever the mount tables say (rule 10). Asked by open(2) with O_EXCL, given back at once.
/// Another short-lived O_EXCL counts too. Errors: system, unreadable; never "none" in doubt.
Result<Holder> holder_of(const Device& device);

/// As above for the whole disk that `device` is a partition of, or is: also none of its partitions has a holder.
Result<Holder> holder_of_disk(const Device& device);

}  // namespace mooring::mount
