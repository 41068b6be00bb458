// Other mounts of a file system, here and in other mount namespaces, that would outlive an unmount here (rule 10).
// Internal.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "mount/mount_table.h"

namespace mooring::mount {

/// A mount namespace, as one of its processes sees it.
struct MountNamespace {
  pid_t pid = 0;  // 0: our own
  std::vector<TableEntry> table;
};

/// Ours first, then every other one that a process is in. Each is read once. Errors: system, also when only one of them
/// cannot be read.
Result<std::vector<MountNamespace>> mount_namespaces();

struct Copy {
  pid_t pid = 0;  // a process of the namespace it is in; 0: our own namespace
  std::string target;
};

/// Mounts of the same file system as the mount `id` of the first namespace that stay when that one is unmounted. Those
/// go with it that the kernel unmounts by propagation: at the same place of a peer or slave of its parent mount
/// (mount_namespaces(7)), with nothing mounted on them. Pure.
std::vector<Copy> lasting_copies(const std::vector<MountNamespace>& namespaces, int id);

/// All mounts of a device's file system. `target` of our own namespace is left out.
std::vector<Copy> all_copies(const std::vector<MountNamespace>& namespaces, const Device& device,
                             const std::string& target);

}  // namespace mooring::mount
