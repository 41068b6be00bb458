// Copies of an xfs, made by a snapshot or by dd, have the same UUID (rule 12). Internal.
#pragma once

#include <string>

#include "mount/disk.h"
#include "mount/error.h"

namespace mooring::mount {

/// Whether an xfs with this UUID is mounted from another device than `device`. Only then may one be mounted with
/// `nouuid`.
Result<bool> xfs_uuid_is_mounted_elsewhere(const std::string& uuid, const Device& device);

}  // namespace mooring::mount
