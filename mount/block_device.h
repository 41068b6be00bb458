// A block device, open: everything that must be true of it is asked through the descriptor, never of its name.
// Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mount/disk.h"
#include "mount/error.h"
#include "mount/handles.h"

namespace mooring::mount {

/// As long as the descriptor is open, the kernel gives the device number to no other disk.
struct OpenDevice {
  Fd fd;
  Device device;
};

/// Opens for reading and fills `device` from the descriptor; the path becomes the kernel's own (/dev/loop0).
/// Errors: not_found (no such node, no medium), wrong_disk (not a block device), unreadable, system.
Result<OpenDevice> open_device(const std::string& path);

/// As above; wrong_disk if another device has taken the path since `expected` was seen.
Result<OpenDevice> open_device(const Device& expected);

/// Another descriptor of the very same device, with other open(2) flags. `EBUSY` with O_EXCL becomes Errc::busy.
Result<Fd> reopen(const OpenDevice& device, int flags);

/// The disk that a partition lies on, opened; for a whole disk the disk itself, opened again.
Result<OpenDevice> open_whole_disk(const OpenDevice& device);

bool is_partition(const Device& device);

using DeviceNumber = std::pair<std::uint32_t, std::uint32_t>;

/// The number of the disk that a partition lies on, or of the disk itself; empty: gone.
std::optional<DeviceNumber> whole_disk_of(const Device& device);

/// /dev/… as the kernel names the device; empty: no such device.
std::string node_path(std::uint32_t major, std::uint32_t minor);

/// Rule 9: fails with unsafe_content when device-mapper, md or the like hold the device.
Result<void> refuse_if_held(const Device& device);

}  // namespace mooring::mount
