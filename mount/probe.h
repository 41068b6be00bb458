// What libblkid sees on a device. Internal; the face's probe() is in probe.cpp too.
#pragma once

#include <optional>
#include <string>

#include "mount/block_device.h"

namespace mooring::mount {

/// For errors. Without the device's name: it is another disk's once this one is detached.
inline constexpr const char* kHowToClear =
    "If that data is not needed, attach the volume by hand and clear it (wipefs -a, or blkdiscard -z)";

/// One answer of libblkid; both empty: nothing was found, which alone does not make a device blank (rule 4).
struct Signatures {
  std::optional<FileSystem> filesystem;
  std::string partition_table;  // "gpt", "dos", …
};

/// Asks blkid_do_safeprobe (rule 2). Errors: unreadable; unsafe_content for an ambiguous answer, for a signature that
/// is no file system, and for a file system with a wrong checksum (rule 3).
Result<Signatures> read_signatures(const OpenDevice& device);

/// Content of an open device whose identity is confirmed.
Result<Content> content_of(const OpenDevice& disk);

}  // namespace mooring::mount
