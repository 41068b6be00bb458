#include "mount/ext_superblock.h"

#include <ext2fs/ext2fs.h>

namespace mooring::mount {

std::optional<ExtSuperblock> read_ext_superblock(const OpenDevice& device) {
  ext2_filsys filesystem = nullptr;
  const auto path = "/proc/self/fd/" + std::to_string(device.fd.get());
  constexpr int kFlags = EXT2_FLAG_SUPER_ONLY | EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES;
  if (ext2fs_open(path.c_str(), kFlags, 0, 0, unix_io_manager, &filesystem) != 0) return std::nullopt;
  const ext2_super_block& super = *filesystem->super;
  ExtSuperblock result;
  const bool valid = (super.s_state & EXT2_VALID_FS) != 0 && (super.s_state & EXT2_ERROR_FS) == 0;
  const bool journal_waits = (super.s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER) != 0;
  const bool orphans =
      super.s_last_orphan != 0 || (super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT) != 0;
  result.clean = valid && !journal_waits && !orphans && super.s_error_count == 0;
  result.blocks = ext2fs_blocks_count(filesystem->super);
  result.block_size = filesystem->blocksize;
  ext2fs_free(filesystem);
  return result;
}

}  // namespace mooring::mount
