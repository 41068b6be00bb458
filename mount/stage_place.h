// The place <root>/<name> at which a volume is mounted, and what is there now. Internal.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mount/mount_point.h"
#include "mount/mount_table.h"

namespace mooring::mount {

/// Errors: unsafe_path.
Result<std::string> stage_path(const std::string& root, const std::string& name);

/// Whether a mount is of that device, by their numbers.
bool same_device(const MountEntry& entry, const Device& device);

struct Seen {
  PointState state;
  std::optional<MountedThere> mounted;
};

/// Opens the place anew each time: an older descriptor would be below what was mounted since.
Result<Seen> see(const Place& place);

/// syncfs(2) of what is mounted there. Errors: system.
Result<void> sync(const Place& place);

/// As above, but waits no longer than `limit`: a disk that does not answer must not stop a forced release. What hangs
/// then goes on in a thread of its own. True: everything was written.
bool sync_within(const Place& place, std::chrono::milliseconds limit);

}  // namespace mooring::mount
