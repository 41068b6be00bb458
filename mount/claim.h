// Keeps others off a disk while it is formatted or repaired (rule 5). Internal.
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

}  // namespace mooring::mount
