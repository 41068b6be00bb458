// Whether the kernel still has a file system of a device, mounted anywhere or nowhere (rule 10). Internal.
#pragma once

#include <optional>
#include <string>

#include "mount/disk.h"

namespace mooring::mount {

/// From /sys/fs/<type>/<device> (ext4, xfs) and /sys/fs/btrfs/<uuid>/devices/<device>, which come and go with the
/// superblock itself. Empty: the type has no such directory.
std::optional<bool> lives_in_kernel(const Device& device, const std::string& fs);

}  // namespace mooring::mount
