// Plain values: how a disk is told from all others, and what was found on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mooring::mount {

/// A file, whatever its path (stat(2): st_dev, st_ino).
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileId&) const = default;
};

/// How a disk will look to this machine. `serial` or `backing_file` must match what the device itself says before
/// anything is done with it (rule 7); `links` only save the search.
struct DiskLook {
  std::string serial;                  // NVMe or virtio serial, SCSI page 0x80; empty: not known
  std::vector<std::string> links;      // names below /dev/disk/by-id; may be missing or stale
  std::optional<FileId> backing_file;  // of a loop device
  std::uint64_t size = 0;              // bytes, at least; 0: not known
  bool operator==(const DiskLook&) const = default;
};

struct Device {
  std::string path;  // /dev/nvme1n1
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t size = 0;      // bytes
  bool read_only = false;      // the device itself refuses writes
  std::uint64_t sequence = 0;  // diskseq: another for each disk that ever has this number since boot; 0: not known
  bool operator==(const Device&) const = default;
};

struct FileSystem {
  std::string type;  // ext4, xfs, btrfs, …, as libblkid names it
  std::string uuid;
};

/// What a probe saw. `filesystem` empty: the disk is proven blank (rules 2 to 4); anything else is an error.
struct Content {
  std::optional<FileSystem> filesystem;
  Device device;  // the disk, or its only partition with a file system (rule 8)
};

}  // namespace mooring::mount
