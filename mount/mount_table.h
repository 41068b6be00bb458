// The kernel's table of mounts. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mount/host.h"

namespace mooring::mount {

/// A line of mountinfo (proc_pid_mountinfo(5)).
struct TableEntry {
  int id = 0;
  int parent = 0;
  std::uint32_t major = 0;  // st_dev of its files; anonymous (0:N) for btrfs
  std::uint32_t minor = 0;
  std::string root;  // which directory of the file system is mounted
  std::string target;
  std::string source;
  std::string fs;
  int shared = 0;  // peer group; 0: none
  int master = 0;  // peer group it receives from; 0: none
};

/// One process's view of the table. Reads all of it: time grows with the number of mounts.
Result<std::vector<TableEntry>> read_mount_table(const std::string& path = "/proc/thread-self/mountinfo");

/// What is mounted where `directory` is open (the root of a mount): asks for this one mount where the kernel can
/// (statmount(2), Linux 6.14 for the source), else reads the table.
struct MountedThere {
  MountEntry entry;
  std::string root;                     // directory of the file system that is mounted
  std::optional<std::uint64_t> parent;  // mount id; empty: not known without reading the table
};
Result<MountedThere> mounted_at(int directory, const std::string& target);

/// The block device behind a mount: the number of its files' st_dev, or, where that is anonymous, of its source.
void resolve_device(MountEntry& entry);

/// Whether `entry`, of any mount namespace, is a mount of that device's file system.
bool is_of_device(const TableEntry& entry, const Device& device);

}  // namespace mooring::mount
