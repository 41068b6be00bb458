// The host's own mounts (rule 17) and directories of the instance.
#include <cerrno>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "failpoint/failpoint.h"
#include "mount/host.h"
#include "mount/host_path.h"
#include "mount/mount_point.h"
#include "mount/mount_table.h"
#include "mount/mounter.h"
#include "mount/users.h"

namespace mooring::mount {
namespace {

/// What is seen at a path now; with the descriptor that saw it.
struct There {
  Fd directory;
  PointState state;
};

Result<There> look_from(const Place& place) {
  There there;
  BOOST_OUTCOME_TRY(there.directory, open_below(place.parent.get(), place.name, place.path));
  BOOST_OUTCOME_TRY(there.state, look_at(there.directory.get(), place.path));
  return there;
}

bool same_directory(const PointState& a, const PointState& b) {
  return a.answers && b.answers && a.device == b.device && a.inode == b.inode;
}

/// Whether what is at a place is a bind of `source`, also when the file system of both has shut down.
Result<bool> is_bind_of(const There& there, const std::string& source, const std::string& path) {
  if (!there.state.mount_root) return false;
  const auto from = open_directory(source);
  if (!from) return from.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(from.error());
  BOOST_OUTCOME_TRY(const auto origin, look_at(from.value().get(), source));
  if (there.state.answers || origin.answers) return same_directory(there.state, origin);
  if (!origin.mount_root) return false;
  BOOST_OUTCOME_TRY(const auto one, mounted_at(there.directory.get(), path));
  BOOST_OUTCOME_TRY(const auto other, mounted_at(from.value().get(), source));
  return one.root == other.root && one.entry.major == other.entry.major && one.entry.minor == other.entry.minor &&
         one.entry.source == other.entry.source;
}

/// Whether a mount may be what is left of our bind after its source was unmounted by hand: then there is nothing to
/// compare it with. It has a disk behind it, and the flags that ours always have (rule 16). Only for `force`.
bool may_be_left_of(const There& there, const std::string& source, const std::string& path) {
  const auto from = open_directory(source);
  if (!from && from.error().code != Errc::not_found) return false;
  const auto origin = from ? look_at(from.value().get(), source) : Result<PointState>(PointState{});
  if (!origin || origin.value().mount_root) return false;
  const auto mounted = mounted_at(there.directory.get(), path);
  struct statvfs status {};
  if (!mounted || mounted.value().entry.major == 0) return false;
  constexpr unsigned long kOurs = ST_NODEV | ST_NOSUID;
  return ::fstatvfs(there.directory.get(), &status) != 0 ? errno == EIO : (status.f_flag & kOurs) == kOurs;
}

Error taken(const std::string& path) {
  return Error{Errc::occupied, "something else is mounted at " + path + "; it is left alone", 0};
}

/// Undoes a bind that was just made and is not as it should be.
Error undo(const Place& place, Error reason) {
  const auto undone = unmount(place, false);
  if (!undone) reason.message += "; and " + undone.error().message;
  return reason;
}

Result<void> confirm_bind(const Place& place, const PointState& source, bool read_only) {
  BOOST_OUTCOME_TRY(const auto there, look_from(place));
  if (!there.state.mount_root) {
    return Error{Errc::mount_failed, "the bind succeeded, but nothing is mounted at " + place.path, 0};
  }
  if (!same_directory(there.state, source)) return taken(place.path);
  auto restricted = restrict_mount(there.directory.get(), read_only, place.path);
  if (restricted) return boost::outcome_v2::success();
  return restricted;
}

Result<void> unmount_bind(const Place& place, std::uint64_t mount_id, bool force) {
  auto unmounted = unmount(place, force);
  if (unmounted || unmounted.error().code != Errc::busy) return unmounted;
  const auto who = described(users_of_mount(mount_id));
  return Error{Errc::busy, place.path + " is still used" + (who.empty() ? "" : " by " + who), EBUSY};
}

/// What making a mount point of an existing directory changes; refuses what may not become one.
Result<PreparedPath> examine(int directory, const std::string& path) {
  BOOST_OUTCOME_TRY(const auto state, look_at(directory, path));
  if (state.mount_root) return Error{Errc::occupied, "something is mounted at " + path + " already", 0};
  BOOST_OUTCOME_TRY(expect_empty(directory, path));
  return PreparedPath{false, !is_immutable(directory).value_or(true)};
}

}  // namespace

namespace blocking {

Result<PreparedPath> look_at_host_path(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_host_path(path));
  const auto directory = open_directory(normal);
  if (!directory && directory.error().code == Errc::not_found) return PreparedPath{true, true};
  if (!directory) return directory.error();
  return examine(directory.value().get(), normal);
}

Result<PreparedPath> prepare_host_path(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_host_path(path));
  BOOST_OUTCOME_TRY(const auto made, make_directory(normal, 0));
  BOOST_OUTCOME_TRY(auto prepared, examine(made.directory.get(), normal));
  // The mode of a directory that was there before is its owner's; the mark alone keeps files out.
  set_immutable(made.directory.get(), true);
  prepared.made = made.made;
  return prepared;
}

Result<bool> is_bound(const std::string& source, const std::string& path) {
  auto place = open_parent(path);
  if (!place) return place.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(place.error());
  auto there = look_from(place.value());
  if (!there) return there.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(there.error());
  return is_bind_of(there.value(), source, path);
}

Result<void> bind(const std::string& source, const std::string& path, bool read_only) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_host_path(path));
  BOOST_OUTCOME_TRY(const auto place, open_parent(normal));
  BOOST_OUTCOME_TRY(const auto from, open_directory(source));
  BOOST_OUTCOME_TRY(const auto origin, look_at(from.get(), source));
  BOOST_OUTCOME_TRY(const auto there, look_from(place));
  if (there.state.mount_root) {
    if (!same_directory(there.state, origin)) return taken(place.path);
    return restrict_mount(there.directory.get(), read_only, place.path);
  }
  BOOST_OUTCOME_TRY(expect_empty(there.directory.get(), place.path));
  auto bound = bind_on(there.directory.get(), from.get(), place.path);
  MOORING_FAILPOINT("bind.bound");
  auto confirmed = confirm_bind(place, origin, read_only);
  if (confirmed) return confirmed;
  // Rule 13: an error does not say that nothing was mounted. What is there and is ours goes; it is on the directory
  // itself, whatever has its name by now (rule 15).
  Error reason = bound ? confirmed.error() : bound.error();
  const auto landed = place_of(there.directory.get());
  auto now = landed ? look_from(landed.value()) : Result<There>(landed.error());
  const bool ours = now && now.value().state.mount_root && same_directory(now.value().state, origin);
  if (!ours) return reason;
  now.value().directory.reset();  // it would keep the mount busy
  return undo(landed.value(), std::move(reason));
}

Result<void> unbind(const std::string& source, const std::string& path, const PreparedPath& prepared, bool force) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_host_path(path));
  auto place = open_parent(normal);
  if (!place && place.error().code == Errc::not_found) return boost::outcome_v2::success();
  if (!place) return place.error();
  const Place& at = place.value();
  for (;;) {
    auto there = look_from(at);
    if (!there && there.error().code == Errc::not_found) return boost::outcome_v2::success();
    if (!there) return there.error();
    if (!there.value().state.mount_root) {
      if (prepared.made) return remove_mount_point(at);
      // Only what we set, and only on the directory itself: not on the root of another mount (rule 14).
      if (prepared.marked) set_immutable(there.value().directory.get(), false);
      return boost::outcome_v2::success();
    }
    BOOST_OUTCOME_TRY(const bool same, is_bind_of(there.value(), source, at.path));
    if (!same && !may_be_left_of(there.value(), source, at.path)) return taken(at.path);
    if (!same && !force) {
      return Error{Errc::occupied,
                   at.path + " cannot be told to be ours, because nothing is mounted at " + source +
                       " any more; if it is, release by force, or unmount it by hand",
                   0};
    }
    there.value().directory.reset();  // it would keep the mount busy
    BOOST_OUTCOME_TRY(unmount_bind(at, there.value().state.mount_id, force));
  }
}

Result<void> ensure_instance_path(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_instance_path(path));
  const auto there = open_directory(normal);
  if (!there && there.error().code == Errc::not_found) {
    BOOST_OUTCOME_TRYV(may_be_made(normal));
  }
  const auto made = make_directory(normal, 0777);
  if (made) return boost::outcome_v2::success();
  if (made.error().system_error == ENOTDIR) return Error{Errc::not_found, made.error().message, ENOTDIR};
  return made.error();
}

}  // namespace blocking
}  // namespace mooring::mount
