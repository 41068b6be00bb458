#include "mount/block_device.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount/kernel_files.h"

namespace mooring::mount {
namespace {

// include/uapi/linux/fs.h, BLKGETDISKSEQ: Linux 5.15, newer than some of the headers that this is built with.
constexpr unsigned long kGetDiskSequence = _IOR(0x12, 128, std::uint64_t);

Error open_error(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOMEDIUM:
      return system_error("cannot open " + path, error_number, Errc::not_found);
    case EIO:
      return system_error("cannot open " + path, error_number, Errc::unreadable);
    default:
      return system_error("cannot open " + path, error_number);
  }
}

std::string proc_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

}  // namespace

std::string node_path(std::uint32_t major, std::uint32_t minor) {
  auto name = kernel_name(major, minor);
  if (name.empty()) return {};
  std::replace(name.begin(), name.end(), '!', '/');  // sysfs cannot have a slash in a name, /dev can
  return "/dev/" + name;
}

Result<OpenDevice> open_device(const std::string& path) {
  // First without opening what is there: a tape rewinds and a watchdog starts by being opened.
  const Fd node_there(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!node_there) return open_error(path, errno);
  struct stat status {};
  if (::fstat(node_there.get(), &status) != 0) return system_error("cannot stat " + path, errno);
  if (!S_ISBLK(status.st_mode)) return Error{Errc::wrong_disk, path + " is not a block device", 0};
  // O_NONBLOCK: a drive without a medium answers at once (open(2)).
  OpenDevice opened{Fd(::open(proc_path(node_there.get()).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), {}};
  if (!opened.fd) return open_error(path, errno);
  Device& device = opened.device;
  device.major = major(status.st_rdev);
  device.minor = minor(status.st_rdev);
  if (::ioctl(opened.fd.get(), BLKGETSIZE64, &device.size) != 0) {
    return system_error("cannot read the size of " + path, errno);
  }
  int read_only = 0;
  if (::ioctl(opened.fd.get(), BLKROGET, &read_only) != 0) return system_error("cannot ask " + path, errno);
  device.read_only = read_only != 0;
  if (::ioctl(opened.fd.get(), kGetDiskSequence, &device.sequence) != 0) device.sequence = 0;
  const auto node = node_path(device.major, device.minor);
  struct stat named {};
  const bool node_is_it =
      !node.empty() && ::stat(node.c_str(), &named) == 0 && S_ISBLK(named.st_mode) && named.st_rdev == status.st_rdev;
  device.path = node_is_it ? node : path;
  return opened;
}

Result<OpenDevice> open_device(const Device& expected) {
  BOOST_OUTCOME_TRY(auto opened, open_device(expected.path));
  if (opened.device.major != expected.major || opened.device.minor != expected.minor) {
    return Error{Errc::wrong_disk,
                 expected.path + " is another device than a moment ago (" + std::to_string(opened.device.major) + ":" +
                     std::to_string(opened.device.minor) + ", was " + std::to_string(expected.major) + ":" +
                     std::to_string(expected.minor) + ")",
                 0};
  }
  if (expected.sequence != 0 && opened.device.sequence != expected.sequence) {
    return Error{Errc::wrong_disk, expected.path + " is another disk than a moment ago, with the same number", 0};
  }
  return opened;
}

Result<Fd> reopen(const OpenDevice& device, int flags) {
  Fd fd(::open(proc_path(device.fd.get()).c_str(), flags | O_CLOEXEC));
  if (fd) return fd;
  if (errno == EBUSY) {
    return system_error(
        device.device.path + " is held exclusively by somebody: it is mounted, or part of another device", errno,
        Errc::busy);
  }
  return open_error(device.device.path, errno);
}

std::optional<DeviceNumber> whole_disk_of(const Device& device) {
  if (!is_partition(device)) return DeviceNumber(device.major, device.minor);
  const auto number = read_attribute(sysfs_directory(device.major, device.minor) + "/../dev");
  return number ? parse_device_number(*number) : std::nullopt;
}

bool is_partition(const Device& device) { return exists(sysfs_directory(device.major, device.minor) + "/partition"); }

Result<OpenDevice> open_whole_disk(const OpenDevice& device) {
  if (!is_partition(device.device)) return open_device(device.device);
  const auto parsed = whole_disk_of(device.device);
  const auto path = parsed ? node_path(parsed->first, parsed->second) : std::string();
  if (path.empty()) return Error{Errc::not_found, "the disk of the partition " + device.device.path + " is gone", 0};
  Device expected;
  expected.path = path;
  expected.major = parsed->first;
  expected.minor = parsed->second;
  return open_device(expected);
}

Result<void> refuse_if_held(const Device& device) {
  BOOST_OUTCOME_TRY(const auto holders, names_in(sysfs_directory(device.major, device.minor) + "/holders"));
  for (const auto& holder : holders) {
    const auto name = read_attribute("/sys/block/" + holder + "/dm/name").value_or("");
    const auto uuid = read_attribute("/sys/block/" + holder + "/dm/uuid").value_or("");
    std::string message = device.path + " is held by /dev/" + holder;
    if (uuid.starts_with("mpath-")) {
      message += " (multipath map '" + name +
                 "'): exclude the disk in /etc/multipath.conf (a `blacklist` section), then `multipath -f " + name +
                 "`";
    } else if (!name.empty()) {
      message += " (device-mapper '" + name + "'): remove that mapping first, e.g. `dmsetup remove " + name + "`";
    } else {
      message += ": stop that device first";
    }
    return Error{Errc::unsafe_content, std::move(message), 0};
  }
  return boost::outcome_v2::success();
}

}  // namespace mooring::mount
