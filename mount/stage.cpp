// A volume's file system at <root>/<name>: look, mount, unmount.
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/block_device.h"
#include "mount/copies.h"
#include "mount/host.h"
#include "mount/mount_options.h"
#include "mount/mount_point.h"
#include "mount/mount_table.h"
#include "mount/mounter.h"
#include "mount/superblock_life.h"
#include "mount/users.h"
#include "mount/xfs_clone.h"

namespace mooring::mount {
namespace {

Result<std::string> stage_path(const std::string& root, const std::string& name) {
  BOOST_OUTCOME_TRY(check_component(name));
  BOOST_OUTCOME_TRY(auto path, normal_path(root));
  if (path.size() == 1)
    return Error{Errc::unsafe_path, "volumes are not mounted directly below /: give another mount_root", 0};
  path += "/" + name;
  return path;
}

bool same_device(const MountEntry& entry, const Device& device) {
  return entry.major == device.major && entry.minor == device.minor;
}

struct Seen {
  PointState state;
  std::optional<MountedThere> mounted;
};

/// Opens the place anew each time: an older descriptor would be below what was mounted since.
Result<Seen> see(const Place& place) {
  BOOST_OUTCOME_TRY(const auto directory, open_below(place.parent.get(), place.name, place.path));
  Seen seen;
  BOOST_OUTCOME_TRY(seen.state, look_at(directory.get(), place.path));
  if (!seen.state.mount_root) return seen;
  BOOST_OUTCOME_TRY(auto mounted, mounted_at(directory.get(), place.path));
  seen.mounted = std::move(mounted);
  return seen;
}

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

Result<MountEntry> already_mounted(const StageRequest& request, const MountedThere& there, const std::string& path) {
  BOOST_OUTCOME_TRY(judge(request, there, path));
  return there.entry;
}

/// After mount(2), whatever it answered: asks the kernel (rule 13), and undoes what is ours but not as it should be.
Result<MountEntry> verify(const StageRequest& request, const Place& place, const PointState& below,
                          const std::optional<Error>& failure) {
  BOOST_OUTCOME_TRY(const auto seen, see(place));
  if (!seen.mounted) {
    if (failure) return *failure;
    return Error{Errc::mount_failed, "mount(2) succeeded, but nothing is mounted at " + place.path, 0};
  }
  auto judged = judge(request, *seen.mounted, place.path);
  if (judged && seen.mounted->parent && *seen.mounted->parent != below.mount_id) {
    judged = Error{Errc::occupied, "something else was mounted at " + place.path + " at the same moment", 0};
  }
  if (judged) return seen.mounted->entry;
  // Nothing was mounted there before, so a mount of our device is our own; any other is left alone.
  if (!failure || same_device(seen.mounted->entry, request.device)) {
    auto undone = unmount(place, false);
    if (!undone && undone.error().code == Errc::busy) undone = unmount(place, true);
  }
  return failure ? *failure : judged.error();
}

Result<MountEntry> mount_at(const StageRequest& request, const std::string& options, const Place& place, int directory,
                            const PointState& below) {
  // Held open, so that the device's number stays its own until mount(2) has taken it.
  BOOST_OUTCOME_TRY(const auto device, open_device(request.device));
  std::string all_options = options;
  if (request.filesystem.type == "xfs" && xfs_uuid_is_mounted_elsewhere(request.filesystem.uuid, request.device)) {
    all_options += ",nouuid";
  }
  const auto mounted = mount_on(directory, device.device.path, request.filesystem.type, all_options, place.path);
  return verify(request, place, below, mounted ? std::nullopt : std::optional<Error>(mounted.error()));
}

Error busy(const std::string& path, const std::vector<User>& users) {
  const auto who = described(users);
  return Error{
      Errc::busy,
      path + " is still used" + (who.empty() ? std::string(", though no process is seen to use it") : " by " + who),
      EBUSY};
}

Result<void> sync(const Place& place) {
  const Fd directory(::openat(place.parent.get(), place.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory || ::syncfs(directory.get()) != 0) {
    return system_error("cannot write out what is unwritten at " + place.path +
                            "; unmounting now might lose it. Release by force if that does not matter",
                        errno);
  }
  return boost::outcome_v2::success();
}

/// Rule 10: the superblock is gone from the kernel; or, for types that do not show there, from every mount table.
Result<void> prove_gone(const Device& device, const std::string& fs, const std::string& path) {
  BOOST_OUTCOME_TRY(const bool still, blocking::still_mounted_somewhere(device, fs));
  if (!still) return boost::outcome_v2::success();
  const auto users = blocking::find_users(device, path);
  return busy("the file system of " + device.path + ", unmounted at " + path + ",",
              users ? users.value() : std::vector<User>());
}

Result<void> unmount_safely(const Place& place, const Seen& seen, const Device& device) {
  BOOST_OUTCOME_TRY(sync(place));
  BOOST_OUTCOME_TRY(const auto namespaces, mount_namespaces());
  const auto copies = lasting_copies(namespaces, static_cast<int>(seen.state.mount_id));
  if (!copies.empty()) return busy(place.path, as_users(copies));
  const auto unmounted = unmount(place, false);
  if (unmounted) return boost::outcome_v2::success();
  if (unmounted.error().code != Errc::busy) return unmounted.error();
  const auto users = blocking::find_users(device, place.path);
  return busy(place.path, users ? users.value() : std::vector<User>());
}

}  // namespace

namespace blocking {

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
  if (seen.mounted) return already_mounted(request, *seen.mounted, path);  // rule 14
  BOOST_OUTCOME_TRY(close_mount_point(place));
  BOOST_OUTCOME_TRY(const auto below, look_at(point.directory.get(), path));
  auto mounted = mount_at(request, options, place, point.directory.get(), below);
  point.directory.reset();
  if (!mounted && point.made) {
    auto removed = remove_mount_point(place);
    static_cast<void>(removed);  // the reason why it was not mounted is what matters
  }
  return mounted;
}

Result<bool> still_mounted_somewhere(const Device& device, const std::string& fs) {
  if (const auto alive = lives_in_kernel(device, fs)) return *alive;
  BOOST_OUTCOME_TRY(const auto namespaces, mount_namespaces());
  return !all_copies(namespaces, device, "").empty();
}

Result<void> unstage(const std::string& root, const std::string& name, const Device& device, const std::string& fs,
                     bool force) {
  BOOST_OUTCOME_TRY(auto path, stage_path(root, name));
  auto parent = open_directory(root);
  const bool no_root = !parent && parent.error().code == Errc::not_found;
  if (!parent && !no_root) return parent.error();
  const Place place{no_root ? Fd() : std::move(parent.value()), name, std::move(path)};
  auto seen = no_root ? Result<Seen>(Seen{}) : see(place);
  if (!seen && seen.error().code == Errc::not_found) seen = Seen{};
  if (!seen) return seen.error();
  if (const auto& there = seen.value().mounted) {
    // The node of a disk that was pulled out is gone, and with it a btrfs's number.
    const bool same =
        same_device(there->entry, device) || (there->entry.major == 0 && there->entry.source == device.path);
    if (!same) {
      return Error{Errc::occupied,
                   place.path + " is taken by " + there->entry.source + ", not " + device.path + "; left alone", 0};
    }
    BOOST_OUTCOME_TRY(force ? unmount(place, true) : unmount_safely(place, seen.value(), device));
  }
  // Also when nothing was mounted: an earlier call may have unmounted it and then found that it lives on elsewhere.
  if (!force && (device.major != 0 || device.minor != 0)) {
    BOOST_OUTCOME_TRY(prove_gone(device, fs, place.path));
  }
  if (no_root) return boost::outcome_v2::success();
  return remove_mount_point(place);
}

}  // namespace blocking
}  // namespace mooring::mount
