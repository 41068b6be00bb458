// The end of a stage: nothing of it is left in the kernel, or it is said who keeps it there (rule 10).
#include <cerrno>

#include "failpoint/failpoint.h"
#include "mount/claim.h"
#include "mount/copies.h"
#include "mount/host.h"
#include "mount/mounter.h"
#include "mount/stage_place.h"
#include "mount/users.h"

namespace mooring::mount {
namespace {

/// What is left to ask of a device that is not there any more.
Result<bool> in_a_table(const Device& device) {
  BOOST_OUTCOME_TRY(const auto namespaces, mount_namespaces());
  return !all_copies(namespaces, device, "").empty();
}

Error busy(const std::string& path, const std::vector<User>& users) {
  const auto who = described(users);
  return Error{
      Errc::busy,
      path + " is still used" + (who.empty() ? std::string(", though no process is seen to use it") : " by " + who),
      EBUSY};
}

/// Rule 10: the kernel has taken the device back from the file system, so all of it is written and nobody has it.
Result<void> prove_gone(const Device& device, const std::string& path) {
  BOOST_OUTCOME_TRY(const auto holder, holder_of(device));
  BOOST_OUTCOME_TRY(const bool still, holder == Holder::gone ? in_a_table(device) : holder == Holder::somebody);
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

Result<bool> still_mounted_somewhere(const Device& device) {
  // All of the disk is detached, not only this partition of it.
  BOOST_OUTCOME_TRY(const auto holder, holder_of_disk(device));
  return holder == Holder::gone ? in_a_table(device) : holder == Holder::somebody;
}

Result<void> unstage(const std::string& root, const std::string& name, const Device& device, bool force) {
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
    const bool same = same_device(there->entry, device) ||
                      (there->entry.device_gone && there->entry.major == 0 && there->entry.source == device.path);
    if (!same) {
      return Error{Errc::occupied,
                   place.path + " is taken by " + there->entry.source +
                       (device.path.empty() ? "" : ", not " + device.path) + "; left alone",
                   0};
    }
    if (force) sync_within(place, kForcedSync);  // best effort: what can still be written is (rule 10)
    BOOST_OUTCOME_TRY(force ? unmount(place, true) : unmount_safely(place, seen.value(), device));
  }
  MOORING_FAILPOINT("unmount.unmounted");
  // Also when nothing was mounted: an earlier call may have unmounted it and then found that it lives on elsewhere.
  if (!force && (device.major != 0 || device.minor != 0)) {
    BOOST_OUTCOME_TRY(prove_gone(device, place.path));
  }
  if (no_root) return boost::outcome_v2::success();
  return remove_mount_point(place);
}

}  // namespace blocking
}  // namespace mooring::mount
