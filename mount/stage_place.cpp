#include "mount/stage_place.h"

#include <cerrno>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace mooring::mount {

Result<std::string> stage_path(const std::string& root, const std::string& name) {
  BOOST_OUTCOME_TRY(check_component(name));
  BOOST_OUTCOME_TRY(auto path, normal_path(root));
  if (path.size() == 1)
    return Error{Errc::unsafe_path, "volumes are not mounted directly below /: give another mount_root", 0};
  path += "/" + name;
  return path;
}

bool same_device(const MountEntry& entry, const Device& device) {
  const bool is_block = entry.major != 0 || entry.minor != 0;  // what has none (tmpfs) is no device, not even the same
  return is_block && entry.major == device.major && entry.minor == device.minor;
}

Result<Seen> see(const Place& place) {
  BOOST_OUTCOME_TRY(const auto directory, open_below(place.parent.get(), place.name, place.path));
  Seen seen;
  BOOST_OUTCOME_TRY(seen.state, look_at(directory.get(), place.path));
  if (!seen.state.mount_root) return seen;
  BOOST_OUTCOME_TRY(auto mounted, mounted_at(directory.get(), place.path));
  seen.mounted = std::move(mounted);
  return seen;
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

bool sync_within(const Place& place, std::chrono::milliseconds limit) {
  Place own{Fd(::fcntl(place.parent.get(), F_DUPFD_CLOEXEC, 3)), place.name, place.path};
  if (!own.parent) return false;
  const auto written = std::make_shared<std::promise<bool>>();
  auto answer = written->get_future();
  try {
    // Owns all that it touches, so that it may outlive this call.
    std::thread([own = std::move(own), written] { written->set_value(sync(own).has_value()); }).detach();
  } catch (const std::system_error&) {
    return false;  // no thread to be had (EAGAIN)
  }
  return answer.wait_for(limit) == std::future_status::ready && answer.get();
}

}  // namespace mooring::mount
