// A volume's file system at <root>/<name>: look and mount.
#include <cerrno>

#include <endian.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "failpoint/failpoint.h"
#include "mount/block_device.h"
#include "mount/disk_identity.h"
#include "mount/host.h"
#include "mount/mount_options.h"
#include "mount/mounter.h"
#include "mount/probe.h"
#include "mount/stage_place.h"
#include "mount/xfs_clone.h"

namespace mooring::mount {
namespace {

/// What must be true of a mount for it to be the one that was asked for. Rules 6, 12, 13, 14.
Result<void> judge(const StageRequest& request, const MountedThere& there, const std::string& path) {
  const auto& entry = there.entry;
  if (!same_device(entry, request.device)) {
    return Error{Errc::occupied,
                 path + " is taken by " + entry.source + " (" + entry.fs + "), not " + request.device.path, 0};
  }
  // A btrfs may have another default subvolume than the top one.
  if (entry.fs != request.filesystem.type || (entry.fs != "btrfs" && there.root != "/")) {
    return Error{Errc::occupied,
                 path + " is taken by " + entry.fs + " directory " + there.root + " of " + entry.source + ", not the " +
                     request.filesystem.type + " file system asked for",
                 0};
  }
  if (entry.read_only && !request.read_only) {
    return Error{Errc::mount_failed,
                 path + " is mounted read-only, though read-write was asked for; the kernel's log says why (`dmesg`)",
                 0};
  }
  return boost::outcome_v2::success();
}

/// Rule 14. Somebody else may have mounted it, so that rule 16 has to be seen to.
Result<MountEntry> already_mounted(const StageRequest& request, const MountedThere& there, const Place& place) {
  BOOST_OUTCOME_TRY(judge(request, there, place.path));
  BOOST_OUTCOME_TRY(const auto root, open_below(place.parent.get(), place.name, place.path));
  BOOST_OUTCOME_TRY(restrict_mount(root.get(), there.entry.read_only, place.path));
  return there.entry;
}

/// Our mount is on the directory itself, whatever has its name by now (rule 15): a link, or the mount of another disk.
/// So it is taken back from where that directory is. Adds to `reason` why, if it cannot be.
void take_back(const StageRequest& request, int directory, const PointState& below, Error& reason) {
  const auto place = place_of(directory);
  const auto seen = place ? see(place.value()) : Result<Seen>(place.error());
  if (!seen || !seen.value().mounted) return;
  const MountedThere& there = *seen.value().mounted;
  // Nothing was mounted there before, so a mount of our device is our own; any other is left alone.
  if (!same_device(there.entry, request.device) || (there.parent && *there.parent != below.mount_id)) return;
  if (const auto undone = unmount(place.value(), false); !undone) reason.message += "; and " + undone.error().message;
}

/// After mount(2), whatever it answered: asks the kernel (rule 13), and undoes what is ours but not as it should be.
Result<MountEntry> verify(const StageRequest& request, const Place& place, int directory, const PointState& below,
                          const std::optional<Error>& failure) {
  const auto seen = see(place);
  if (!seen || !seen.value().mounted) {
    Error reason{Errc::mount_failed, "mount(2) succeeded, but nothing is mounted at " + place.path, 0};
    if (!seen) reason = seen.error();
    if (failure) reason = *failure;
    take_back(request, directory, below, reason);
    return reason;
  }
  const MountedThere& there = *seen.value().mounted;
  auto judged = judge(request, there, place.path);
  if (judged && there.parent && *there.parent != below.mount_id) {
    judged = Error{Errc::occupied, "something else was mounted at " + place.path + " at the same moment", 0};
  }
  if (judged) return there.entry;
  Error reason = failure ? *failure : judged.error();
  if (!same_device(there.entry, request.device)) {
    take_back(request, directory, below, reason);
  } else if (const auto undone = unmount(place, false); !undone) {
    reason.message += "; and " + undone.error().message;
  }
  return reason;
}

/// A btrfs over several disks shows one of them as its source, whichever was mounted, so that what was mounted could
/// not be told from what somebody else mounts (rule 14); and releasing one disk would break it.
Result<void> refuse_several_disks(const OpenDevice& device) {
  std::uint64_t disks = 0;
  constexpr off_t kDevices = 0x10088;  // num_devices of the superblock at 64 KiB, little endian (btrfs on-disk format)
  if (::pread(device.fd.get(), &disks, sizeof disks, kDevices) != sizeof disks) {
    return system_error("cannot read " + device.device.path, errno, Errc::unreadable);
  }
  if (le64toh(disks) <= 1) return boost::outcome_v2::success();
  return Error{Errc::unsafe_content,
               "the btrfs on " + device.device.path + " spans " + std::to_string(le64toh(disks)) +
                   " disks; a volume is one disk",
               0};
}

/// The device is still the one that was probed, as far as it can tell (rules 6 and 7). Returns what is on it.
Result<FileSystem> confirm_device(const StageRequest& request, const OpenDevice& device) {
  BOOST_OUTCOME_TRY(confirm_identity(request.look, device));
  if (request.filesystem.type == "btrfs") {
    BOOST_OUTCOME_TRY(refuse_several_disks(device));
  }
  FileSystem found = request.filesystem;
  if (found.uuid.empty()) return found;
  BOOST_OUTCOME_TRY(const auto signatures, read_signatures(device));
  if (signatures.filesystem) found = *signatures.filesystem;
  if (signatures.filesystem && found.uuid == request.filesystem.uuid && found.type == request.filesystem.type) {
    return found;
  }
  return Error{Errc::wrong_filesystem,
               device.device.path + " no longer holds the " + request.filesystem.type + " file system " +
                   request.filesystem.uuid + " that was found on it, but " +
                   (signatures.filesystem ? found.type + " " + found.uuid : std::string("none")),
               0};
}

/// Mounting read-only replays a journal all the same; a device that refuses writes makes the kernel refuse that.
Result<void> protect_from_writes(const OpenDevice& device, bool protect) {
  const int read_only = protect ? 1 : 0;
  if (::ioctl(device.fd.get(), BLKROSET, &read_only) == 0) return boost::outcome_v2::success();
  return system_error("cannot change whether " + device.device.path + " may be written to", errno);
}

Result<MountEntry> mount_at(const StageRequest& request, const std::string& options, const Place& place, int directory,
                            const PointState& below) {
  // Held open, so that the device's number stays its own until mount(2) has taken it.
  BOOST_OUTCOME_TRY(const auto device, open_device(request.device));
  BOOST_OUTCOME_TRY(const auto filesystem, confirm_device(request, device));
  if (request.write_protected) {
    BOOST_OUTCOME_TRY(const bool used, blocking::still_mounted_somewhere(request.device));
    if (used) return Error{Errc::busy, request.device.path + " is in use by somebody else on this machine", 0};
    BOOST_OUTCOME_TRY(protect_from_writes(device, true));
    MOORING_FAILPOINT("mount.writes_forbidden");
  }
  const auto attempt = [&](const std::string& all_options) {
    const auto mounted = mount_on(directory, device.device.path, filesystem.type, all_options, place.path);
    MOORING_FAILPOINT("mount.mounted");
    return verify(request, place, directory, below, mounted ? std::nullopt : std::optional<Error>(mounted.error()));
  };
  const bool xfs = filesystem.type == "xfs";
  BOOST_OUTCOME_TRY(const bool beside, xfs ? xfs_uuid_is_mounted_elsewhere(filesystem.uuid, device.device) : false);
  auto mounted = attempt(beside ? options + ",nouuid" : options);
  // The original may have been mounted since it was looked for. A UUID that is there twice is EINVAL
  // (fs/xfs/xfs_mount.c, xfs_uuid_mount), and so is much else: only if it is mounted elsewhere now, it is tried once
  // more.
  const bool may_be_twice = !mounted && mounted.error().system_error == EINVAL && xfs && !beside;
  if (!may_be_twice) return mounted;
  BOOST_OUTCOME_TRY(const bool beside_now, xfs_uuid_is_mounted_elsewhere(filesystem.uuid, device.device));
  return beside_now ? attempt(options + ",nouuid") : mounted;
}

}  // namespace

namespace blocking {

Result<void> allow_writes(const Device& device) {
  const auto opened = open_device(device);
  if (!opened || device.read_only) return boost::outcome_v2::success();  // gone, or not of our doing
  return protect_from_writes(opened.value(), false);
}

Result<std::optional<MountEntry>> look_at_stage(const std::string& root, const std::string& name) {
  BOOST_OUTCOME_TRY(const auto path, stage_path(root, name));
  auto directory = open_directory(path);
  if (!directory && directory.error().code == Errc::not_found) return std::optional<MountEntry>();
  if (!directory) return directory.error();
  BOOST_OUTCOME_TRY(const auto state, look_at(directory.value().get(), path));
  if (!state.mount_root) return std::optional<MountEntry>();
  BOOST_OUTCOME_TRY(auto there, mounted_at(directory.value().get(), path));
  return std::optional<MountEntry>(std::move(there.entry));
}

Result<MountEntry> stage(const StageRequest& request) {
  BOOST_OUTCOME_TRY(auto path, stage_path(request.root, request.name));
  BOOST_OUTCOME_TRY(const auto options, mount_options(request.filesystem.type, request.options, request.read_only));
  BOOST_OUTCOME_TRY(auto root, make_directory(request.root, 0755));
  const Place place{std::move(root.directory), request.name, path};
  BOOST_OUTCOME_TRY(auto point, make_below(place.parent.get(), place.name, 0, path));
  BOOST_OUTCOME_TRY(const auto seen, see(place));
  if (seen.mounted) return already_mounted(request, *seen.mounted, place);
  BOOST_OUTCOME_TRY(const auto below, look_at(point.directory.get(), path));
  if (below.mount_root) return Error{Errc::occupied, "something was mounted at " + path + " a moment ago", 0};
  MOORING_FAILPOINT("mount.point_made");
  BOOST_OUTCOME_TRY(close_mount_point(point.directory.get(), path));
  MOORING_FAILPOINT("mount.point_closed");
  auto mounted = mount_at(request, options, place, point.directory.get(), below);
  point.directory.reset();
  if (!mounted && request.write_protected) {
    auto undone = blocking::allow_writes(request.device);
    static_cast<void>(undone);  // the reason why it was not mounted is what matters
  }
  if (!mounted && point.made) {
    auto removed = remove_mount_point(place);
    static_cast<void>(removed);  // the reason why it was not mounted is what matters
  }
  return mounted;
}

}  // namespace blocking
}  // namespace mooring::mount
