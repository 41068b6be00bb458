// Whether a disk is the one that was meant (rule 7). Internal.
#pragma once

#include <string>

#include "mount/block_device.h"

namespace mooring::mount {

/// A link may be given by its name below /dev/disk/by-id alone.
std::string link_path(const std::string& link);

/// Success only if the open device, or the disk that it is a partition of, is what `look` describes: serial or backing
/// file as the device itself tells them, and at least the size. A look with nothing to compare but links: one of them
/// leads, now, to this very device, which has exactly the size. Errors: wrong_disk, saying what was expected and what
/// is there; not_found (a device without a size: not ready yet).
Result<void> confirm_identity(const DiskLook& look, const OpenDevice& device);

}  // namespace mooring::mount
