#include "mount/xfs_clone.h"

#include <algorithm>

#include "mount/kernel_files.h"
#include "mount/probe.h"

namespace mooring::mount {

Result<bool> xfs_uuid_is_mounted_elsewhere(const std::string& uuid, const Device& device) {
  if (uuid.empty()) return false;
  const auto own = kernel_name(device.major, device.minor);
  BOOST_OUTCOME_TRY(const auto names, names_in("/sys/fs/xfs"));  // of all mounted xfs, in whatever namespace
  for (auto name : names) {
    if (name == own || name == "stats" || name == "debug") continue;
    std::replace(name.begin(), name.end(), '!', '/');
    const auto other = open_device("/dev/" + name);
    if (!other) continue;
    const auto signatures = read_signatures(other.value());
    if (signatures && signatures.value().filesystem && signatures.value().filesystem->uuid == uuid) return true;
  }
  return false;
}

}  // namespace mooring::mount
