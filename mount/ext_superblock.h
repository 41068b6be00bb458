// What an ext superblock says of the state of its file system; read with libext2fs. Internal.
#pragma once

#include <cstdint>
#include <optional>

#include "mount/block_device.h"

namespace mooring::mount {

struct ExtSuperblock {
  bool clean = false;  // unmounted properly, no error recorded, no journal or orphans to work off
  std::uint64_t blocks = 0;
  std::uint32_t block_size = 0;  // bytes
};

/// Empty: there is none that is valid.
std::optional<ExtSuperblock> read_ext_superblock(const OpenDevice& device);

inline bool is_ext(const std::string& type) { return type == "ext4" || type == "ext3" || type == "ext2"; }

}  // namespace mooring::mount
