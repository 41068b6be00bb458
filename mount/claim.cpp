#include "mount/claim.h"

#include <array>
#include <cerrno>
#include <shared_mutex>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount/kernel_files.h"
#include "mount/process.h"
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

/// The node of a device number: as the kernel names it, else as it was named when it was found.
Result<Fd> open_node(DeviceNumber number, const std::string& other_name) {
  int error_number = ENOENT;
  for (const auto& path : {node_path(number.first, number.second), other_name}) {
    if (path.empty()) continue;
    Fd node(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (node && ::fstat(node.get(), &status) == 0 && S_ISBLK(status.st_mode) &&
        status.st_rdev == makedev(number.first, number.second)) {
      return node;
    }
    if (!node && errno != ENOENT) error_number = errno;
  }
  return system_error("cannot find the node of the block device " + std::to_string(number.first) + ":" +
                          std::to_string(number.second) + ", so it is not known whether it is still used",
                      error_number);
}

bool is_gone(int error_number) {
  return error_number == ENOENT || error_number == ENXIO || error_number == ENODEV || error_number == ENOMEDIUM;
}

Result<Holder> ask(DeviceNumber number, const std::string& other_name) {
  const auto node = open_node(number, other_name);
  if (!node) {
    // Without a node, but with the device still there, nothing is proven.
    const bool gone = is_gone(node.error().system_error) && kernel_name(number.first, number.second).empty();
    return gone ? Result<Holder>(Holder::gone) : Result<Holder>(node.error());
  }
  const auto way = "/proc/self/fd/" + std::to_string(node.value().get());
  // A child born meanwhile would keep the claim for longer than we do.
  const std::shared_lock no_heir(no_child_is_born());
  const Fd claim(::open(way.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
  if (claim) return Holder::none;
  if (errno == EBUSY) return Holder::somebody;
  if (is_gone(errno)) return Holder::gone;
  return system_error("cannot ask whether the block device " + std::to_string(number.first) + ":" +
                          std::to_string(number.second) + " is still used",
                      errno, errno == EIO ? Errc::unreadable : Errc::system);
}

}  // namespace

Result<Holder> holder_of(const Device& device) { return ask({device.major, device.minor}, device.path); }

Result<Holder> holder_of_disk(const Device& device) {
  const auto disk = whole_disk_of(device);
  if (!disk && exists(sysfs_directory(device.major, device.minor))) {
    return Error{Errc::system, "cannot find the disk of the partition " + device.path, 0};
  }
  if (!disk) return Holder::gone;
  const bool itself = *disk == DeviceNumber(device.major, device.minor);
  return ask(*disk, itself ? device.path : "");
}

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
