// The face of `mount`: everything that the agent asks of this machine, in plain values.
//
// All calls block and may be made from any thread; calls about one disk or one mount point must not overlap (the
// agent serialises them per volume). Every call may be repeated: what is already done is success. None logs.
// Rule numbers refer to the data-safety rules in README.md, section "How it keeps data safe".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mount/disk.h"
#include "mount/error.h"

namespace mooring::mount {

/// A mount, as the kernel's table tells it.
struct MountEntry {
  std::string target;
  std::string source;  // as mounted: /dev/loop0
  std::string fs;
  std::uint32_t major = 0;  // of the block device behind it, also for btrfs, whose st_dev is anonymous; 0:0: none
  std::uint32_t minor = 0;
  bool read_only = false;
  bool device_gone = false;  // it was mounted from a block device that this machine does not have any more
};

struct StageRequest {
  std::string root;       // mount_root of the configuration: absolute; created 0755 when missing
  std::string name;       // one path component below it
  DiskLook look;          // confirmed again, on the open device, before it is mounted (rule 7)
  Device device;          // what to mount: Content::device
  FileSystem filesystem;  // a uuid that is not empty must be found on the device again
  bool read_only = false;
  /// The device is made to refuse writes first, even a journal's replay: another instance may be writing to it. Only
  /// with read_only. A file system that cannot be read without a replay is then an error.
  bool write_protected = false;
  std::vector<std::string> options;  // allow-listed per file system (rule 16); nodev,nosuid are always added
};

/// A process that still uses a file system (rule 10).
struct User {
  pid_t pid = 0;
  std::string command;    // comm
  std::string container;  // id of the container it runs in, from its cgroup; empty: none
  std::string how;        // "working directory", "open file /a/b", "mount namespace", …
};

/// "python3 (pid 12, container 1a2b…, working directory /data), …": the first few, for a sentence. Pure.
std::string described(const std::vector<User>& users);

struct Growth {
  std::uint64_t before = 0;  // bytes of the file system
  std::uint64_t after = 0;   // equal to before: nothing to do
};

struct Usage {
  std::uint64_t size = 0;  // bytes
  std::uint64_t used = 0;
};

struct PreparedPath {
  bool made = false;    // the directory did not exist before
  bool marked = false;  // it was not immutable before, and can be
};

/// How long a forced release waits for unwritten data to be written.
inline constexpr std::chrono::seconds kForcedSync{10};

namespace blocking {

/// The device that looks so, its identity read from the device itself through an open descriptor.
/// Errors: not_found (not there yet); wrong_disk (a link names another disk and no other device matches, or the size
/// is below the one expected); system.
Result<Device> find_disk(const DiskLook& look);

/// What is on the disk; writes nothing. Proves blankness by libblkid, by reading the first 16 MiB, the last MiB and
/// samples between, and by looking for backup superblocks (rules 2 to 4).
/// Errors: unsafe_content with the reason (rules 3, 8, 9), unreadable, wrong_disk, not_found, system.
Result<Content> probe(const DiskLook& look, const Device& disk);

/// Makes a file system of `type` (ext4, xfs, btrfs) on a disk that is proven blank, again, under an exclusive claim
/// (rule 5). The only way to mkfs. Takes as long as mkfs takes; `stop` kills it.
/// Errors: as probe; busy (held or locked by somebody else); format_failed with the end of mkfs's output; cancelled.
Result<FileSystem> format(const DiskLook& look, const Device& disk, const std::string& type, std::stop_token stop);

/// Makes sure that the file system may be mounted read-write (rule 12): a clean ext superblock needs no program,
/// otherwise `e2fsck -p`; xfs and btrfs replay their logs when mounted. Returns what was repaired, empty for nothing.
/// Errors: check_failed with how to repair, cancelled, system.
Result<std::string> check(const DiskLook& look, const Device& device, const FileSystem& filesystem,
                          std::stop_token stop);

/// What is mounted at <root>/<name>; empty when nothing is. Costs the same with 10 and with 10,000 mounts.
Result<std::optional<MountEntry>> look_at_stage(const std::string& root, const std::string& name);

/// Mounts at <root>/<name>: makes the mount point (empty, mode 0, immutable where the file system can; rule 15), mounts
/// with libmount, asks the kernel afterwards what is really there (rules 12 to 14).
/// Errors: wrong_disk, wrong_filesystem, unsafe_content, unreadable (the device is not what it was when probed);
/// occupied, unsafe_path, invalid_option, mount_failed, system. After an error nothing of it is left mounted, unless
/// the error says that somebody uses it already.
Result<MountEntry> stage(const StageRequest& request);

/// syncfs, umount, and proof by the kernel that nothing holds the device any more (rule 10); then removes the mount
/// point. `force` tries to sync for kForcedSync at most, detaches the mount lazily and skips the proof. Nothing mounted
/// there: only the mount point goes. A `device` without a number: nothing is unmounted, only the mount point goes.
/// Errors: busy (see find_users), occupied (another disk than `device` is mounted there), system.
Result<void> unstage(const std::string& root, const std::string& name, const Device& device, bool force);

/// Undoes the write protection of a StageRequest, after the unmount. `device` as it was seen before: one that was
/// read-only then stays so. A device that is gone: success. Errors: system.
Result<void> allow_writes(const Device& device);

/// Whether anything on this machine still holds the whole disk that `device` is, or is a partition of: a mount in any
/// namespace or in none, swap, device-mapper, an open O_EXCL. Once the device is gone: whether a mount table has it.
/// Errors: system, unreadable; in doubt never false.
Result<bool> still_mounted_somewhere(const Device& device);

/// Who uses the file system mounted from `device`: cwd, root, executable, open files and maps, in every mount
/// namespace, and mount namespaces that have it mounted. Reads all of /proc: slow, only for explaining a refusal.
Result<std::vector<User>> find_users(const Device& device, const std::string& target);

/// Grows the mounted file system to the size of its device, online; never shrinks.
/// Errors: system. Not an error: a file system that cannot grow online (before == after).
Result<Growth> grow(const MountEntry& mounted);

/// Errors: not_found, system.
Result<Usage> usage(const std::string& target);

/// What prepare_host_path would do, to be written down before it does (rule 18). Changes nothing. Errors: as that.
Result<PreparedPath> look_at_host_path(const std::string& path);

/// A directory of the host that will be a mount point for the host's own mounts (rule 17): made when missing, else it
/// must be empty; marked immutable while nothing is mounted on it.
/// Errors: unsafe_path, occupied (not empty, or something is mounted there), system.
Result<PreparedPath> prepare_host_path(const std::string& path);

/// Whether `path` is, now, a bind of `source`. Nothing there, or something else: false. Errors: unsafe_path, system.
Result<bool> is_bound(const std::string& source, const std::string& path);

/// Binds `source` to the prepared `path`. Already bound: success. Errors: occupied, mount_failed, unsafe_path, system.
Result<void> bind(const std::string& source, const std::string& path, bool read_only);

/// Undoes bind and prepare_host_path: unmounts when it is a bind of `source`; removes the directory if it was `made`,
/// else clears the mark if it was `marked`. `force` unmounts lazily, and also what can only be guessed to be our bind:
/// nothing is mounted at `source` any more, and at `path` is a mount of a block device, restricted as ours are.
/// Errors: busy, occupied (something else is mounted there; left alone), system.
Result<void> unbind(const std::string& source, const std::string& path, const PreparedPath& prepared, bool force);

/// A directory of the instance that a task binds (`instance_path`); created 0777, parents 0755, when missing, but not
/// below the directories of services and users (/run, /var/lib, /home, …).
/// Errors: unsafe_path, not_found (it exists and is no directory, or is missing and may not be made), system.
Result<void> ensure_instance_path(const std::string& path);

}  // namespace blocking
}  // namespace mooring::mount
