#include "mount/superblock_life.h"

#include "mount/ext_superblock.h"
#include "mount/kernel_files.h"

namespace mooring::mount {

std::optional<bool> lives_in_kernel(const Device& device, const std::string& fs) {
  auto name = kernel_name(device.major, device.minor);
  // A disk that was pulled out while mounted is gone from /sys/dev/block; its file system is not gone from /sys/fs.
  if (name.empty()) name = device.path.substr(device.path.rfind('/') + 1);
  if (name.empty()) return std::nullopt;
  if (fs == "btrfs") {
    if (!exists("/sys/fs/btrfs")) return std::nullopt;
    for (const auto& uuid : names_in("/sys/fs/btrfs")) {
      if (exists("/sys/fs/btrfs/" + uuid + "/devices/" + name)) return true;
    }
    return false;
  }
  // Debian's and Red Hat's kernels serve ext2 and ext3 by the ext4 driver too.
  const std::string directory = "/sys/fs/" + (is_ext(fs) ? "ext4" : fs);
  if ((!is_ext(fs) && fs != "xfs") || !exists(directory)) return std::nullopt;
  return exists(directory + "/" + name);
}

}  // namespace mooring::mount
