// Directories that are, or will be, mount points: reached without following any symbolic link (rule 15). Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "mount/error.h"
#include "mount/handles.h"

namespace mooring::mount {

/// Without `//` and a trailing `/`. Errors: unsafe_path for a relative path, `.` or `..`, or a control character. Pure.
Result<std::string> normal_path(const std::string& path);

/// A name that is one component of a path. Errors: unsafe_path. Pure.
Result<void> check_component(const std::string& name);

/// O_PATH on an existing directory, by an absolute path. Errors: not_found, unsafe_path, system.
Result<Fd> open_directory(const std::string& path);

/// O_PATH on the directory `name` in `parent`, also when something is mounted on it. `path` is for messages.
Result<Fd> open_below(int parent, const std::string& name, const std::string& path);

struct MadeDirectory {
  Fd directory;
  bool made = false;
};

/// As open_directory; makes what is missing, the last component with `mode`, those before it with 0755, whatever the
/// umask.
Result<MadeDirectory> make_directory(const std::string& path, mode_t mode);

/// As open_below; makes it with `mode` when missing.
Result<MadeDirectory> make_below(int parent, const std::string& name, mode_t mode, const std::string& path);

/// A directory, by the directory it lies in and its own name.
struct Place {
  Fd parent;
  std::string name;
  std::string path;  // whole, for messages
};

/// Errors: as open_directory of the parent; unsafe_path for "/".
Result<Place> open_parent(const std::string& path);

/// Where an open directory is by now, whatever has become of the name it was opened by (rule 15). Errors: as
/// open_parent; it was removed.
Result<Place> place_of(int directory);

struct PointState {
  bool mount_root = false;     // something is mounted on it
  std::uint64_t mount_id = 0;  // as in mountinfo
  bool answers = true;         // false: the file system has shut down; the two below are not known
  std::uint64_t device = 0;    // st_dev
  std::uint64_t inode = 0;
};

/// Asks the kernel, not the mount table: costs the same however long that is (statx(2), STATX_ATTR_MOUNT_ROOT). Also
/// where the file system answers with EIO because it has shut down.
Result<PointState> look_at(int directory, const std::string& path);

// The calls below work on the open directory, O_PATH or not, and never on what is mounted over it or now has its name.

/// Errors: occupied when the directory holds anything; system when it cannot be read to its end.
Result<void> expect_empty(int directory, const std::string& path);

/// FS_IMMUTABLE_FL (ioctl_iflags(2)) of the directory; empty where the file system has no flags.
std::optional<bool> is_immutable(int directory);

/// Sets or clears it, where the file system can.
void set_immutable(int directory, bool immutable);

/// Makes an unmounted mount point what it must be before anything is mounted: empty, else occupied; mode 0; immutable
/// (rule 15).
Result<void> close_mount_point(int directory, const std::string& path);

/// Clears the mark and removes the directory. Missing is success; not empty is occupied, and it stays as it was.
Result<void> remove_mount_point(const Place& place);

}  // namespace mooring::mount
