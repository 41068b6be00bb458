#include "mount/claim.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "mount/stop_event.h"

namespace mooring::mount {
namespace {

/// True: locked. False: somebody else has the lock.
Result<bool> try_lock(const OpenDevice& device) {
  if (::flock(device.fd.get(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return system_error("cannot lock " + device.device.path, errno);
}

void forget_events(int inotify) {
  alignas(inotify_event) std::array<char, 4096> events;
  while (::read(inotify, events.data(), events.size()) > 0) {
  }
}

}  // namespace

Result<void> lock(const OpenDevice& device, std::stop_token stop, std::chrono::milliseconds patience) {
  BOOST_OUTCOME_TRY(const bool at_once, try_lock(device));
  if (at_once) return boost::outcome_v2::success();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // A lock goes when its holder closes the device: that is the event to wait for.
  if (!inotify || ::inotify_add_watch(inotify.get(), device.device.path.c_str(), IN_CLOSE) < 0) {
    return system_error("cannot watch " + device.device.path, errno);
  }
  const StopEvent stop_event(std::move(stop));
  for (;;) {
    BOOST_OUTCOME_TRY(const bool locked, try_lock(device));
    if (locked) return boost::outcome_v2::success();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      return Error{Errc::busy,
                   device.device.path + " is locked by another program; see `fuser " + device.device.path + "`", 0};
    }
    std::array<pollfd, 2> waiting{pollfd{inotify.get(), POLLIN, 0}, pollfd{stop_event.descriptor(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(left));
    if (waiting[1].revents != 0) {
      return Error{Errc::cancelled, "waiting for the lock of " + device.device.path + " was stopped on request", 0};
    }
    forget_events(inotify.get());
  }
}

}  // namespace mooring::mount
