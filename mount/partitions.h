// Disks with a partition table (rule 8). Internal.
#pragma once

#include <string>

#include "mount/block_device.h"

namespace mooring::mount {

/// The only partition with a file system. `table` is the kind of partition table, for messages.
/// Errors: unsafe_content (none, or several, listed), unreadable, system.
Result<Content> only_partition(const OpenDevice& disk, const std::string& table);

/// Whether the kernel knows partitions on the disk, whatever the disk itself says now.
Result<bool> has_partition_nodes(const Device& disk);

}  // namespace mooring::mount
