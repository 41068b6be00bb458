// The host's own mounts (rule 17) and directories of the instance.
#include <cerrno>

#include <sys/stat.h>

#include "mount/host.h"
#include "mount/host_path.h"
#include "mount/mount_point.h"
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

bool same_directory(const PointState& a, const PointState& b) { return a.device == b.device && a.inode == b.inode; }

Error taken(const std::string& path) {
  return Error{Errc::occupied, "something else is mounted at " + path + "; it is left alone", 0};
}

/// Undoes a bind that was just made and is not as it should be.
Error undo(const Place& place, Error reason) {
  const auto undone = unmount(place, true);
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

}  // namespace

namespace blocking {

Result<PreparedPath> prepare_host_path(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_host_path(path));
  BOOST_OUTCOME_TRY(auto made, make_directory(normal, 0));
  BOOST_OUTCOME_TRY(const auto state, look_at(made.directory.get(), normal));
  if (state.mount_root) return Error{Errc::occupied, "something is mounted at " + normal + " already", 0};
  BOOST_OUTCOME_TRY(const auto place, open_parent(normal));
  BOOST_OUTCOME_TRY(expect_empty(place.parent.get(), place.name, normal));
  // The mode of a directory that was there before is its owner's; the mark alone keeps files out.
  set_immutable(place.parent.get(), place.name, true);
  return PreparedPath{made.made};
}

Result<bool> is_bound(const std::string& source, const std::string& path) {
  auto place = open_parent(path);
  if (!place) return place.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(place.error());
  auto there = look_from(place.value());
  if (!there) return there.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(there.error());
  auto from = open_directory(source);
  if (!from) return from.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(from.error());
  BOOST_OUTCOME_TRY(const auto origin, look_at(from.value().get(), source));
  return there.value().state.mount_root && same_directory(there.value().state, origin);
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
  BOOST_OUTCOME_TRY(expect_empty(place.parent.get(), place.name, place.path));
  auto bound = bind_on(there.directory.get(), from.get(), place.path);
  auto confirmed = confirm_bind(place, origin, read_only);
  if (confirmed) return confirmed;
  // Rule 13: an error does not say that nothing was mounted. What is there and is ours goes.
  const auto now = look_from(place);
  const bool ours = now && now.value().state.mount_root && same_directory(now.value().state, origin);
  Error reason = bound ? confirmed.error() : bound.error();
  return ours ? undo(place, std::move(reason)) : reason;
}

Result<void> unbind(const std::string& source, const std::string& path, bool made, bool force) {
  BOOST_OUTCOME_TRY(const auto normal, allowed_host_path(path));
  auto place = open_parent(normal);
  if (!place && place.error().code == Errc::not_found) return boost::outcome_v2::success();
  if (!place) return place.error();
  const Place& at = place.value();
  PointState state;
  {
    auto there = look_from(at);
    if (!there && there.error().code == Errc::not_found) return boost::outcome_v2::success();
    if (!there) return there.error();
    state = there.value().state;
  }
  if (state.mount_root) {
    {
      const auto from = open_directory(source);
      if (!from) return taken(at.path);
      BOOST_OUTCOME_TRY(const auto origin, look_at(from.value().get(), source));
      if (!same_directory(state, origin)) return taken(at.path);
    }
    BOOST_OUTCOME_TRY(unmount_bind(at, state.mount_id, force));
  }
  if (made) return remove_mount_point(at);
  set_immutable(at.parent.get(), at.name, false);
  return boost::outcome_v2::success();
}

Result<void> ensure_instance_path(const std::string& path) {
  const auto made = make_directory(path, 0777);
  if (made) return boost::outcome_v2::success();
  if (made.error().system_error == ENOTDIR) return Error{Errc::not_found, made.error().message, ENOTDIR};
  return made.error();
}

}  // namespace blocking
}  // namespace mooring::mount
