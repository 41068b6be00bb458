// Loop devices: what plugging a disk in is for the local backend (loop(4)). All calls block for a few system calls.
#pragma once

#include <optional>
#include <string>

#include "backends/error.h"
#include "backends/volume.h"

namespace mooring::backends::local {

/// Attaches the open `image` to a free loop device: direct I/O where the file system can, partitions scanned. The loop
/// device keeps the open file description, and so every lock that is held on it, until it is detached.
Result<std::string> configure_loop(int image, const std::string& path, bool read_only);

struct Loop {
  std::string device;  // /dev/loop3
  Look::File file;     // behind it
};

/// The loop device that has this file behind it.
std::optional<Loop> find_loop(const Look::File& file);

/// The loop device whose file was at `path` and has been deleted since.
std::optional<Loop> find_loop_of_deleted(const std::string& path);

/// Detaches. False: somebody has the device open, and the kernel will detach it when they close it.
Result<bool> clear_loop(const Loop& loop);

}  // namespace mooring::backends::local
