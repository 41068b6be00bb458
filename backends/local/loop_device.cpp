#include "backends/local/loop_device.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "backends/local/failed.h"
#include "posix/file_descriptor.h"

namespace mooring::backends::local {
namespace {

// Since Linux 5.8; file systems without direct I/O (tmpfs before 6.6) refuse the flag with EINVAL.
int configure(int loop, int image, const std::string& path, bool read_only, bool direct_io) {
  loop_config config{};
  config.fd = static_cast<__u32>(image);
  config.info.lo_flags = LO_FLAGS_PARTSCAN;
  if (read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  if (direct_io) config.info.lo_flags |= LO_FLAGS_DIRECT_IO;
  std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), path.c_str(), LO_NAME_SIZE - 1);
  return ioctl(loop, LOOP_CONFIGURE, &config) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> configure_loop(int image, const std::string& path, bool read_only) {
  // LOOP_CTL_GET_FREE tells everybody the same number: within this process, one at a time.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const posix::FileDescriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return failed("cannot open /dev/loop-control", errno);
  constexpr int kAttempts = 64;  // another process may take the number first
  int error = EBUSY;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return {Error{Errc::no_slot, "no free loop device: " + std::generic_category().message(errno), {}}};
    const std::string device = "/dev/loop" + std::to_string(number);
    const posix::FileDescriptor loop(open(device.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC));
    if (!loop) return failed("cannot open " + device, errno);
    error = configure(loop.get(), image, path, read_only, true);
    if (error == EINVAL) error = configure(loop.get(), image, path, read_only, false);
    if (error == 0) {
      // A loop device stays what BLKROSET once made of it, whatever it is given to next.
      const int protect = read_only ? 1 : 0;
      ioctl(loop.get(), BLKROSET, &protect);
      return device;
    }
    if (error != EBUSY) return failed("cannot attach " + path + " to " + device, error);
  }
  return failed("cannot attach " + path + " to a loop device", error);
}

namespace {

std::string backing_file(const std::filesystem::path& device) {
  std::string line;
  std::ifstream file(device / "loop/backing_file");
  std::getline(file, line);
  return line;
}

/// `may_match` sees the path of the backing file, and spares others the opening of their device: while it is open, it
/// cannot be detached. `matches` sees what the device says.
template <class MayMatch, class Matches>
std::optional<Loop> find_loop_where(MayMatch may_match, Matches matches) {
  std::error_code ignored;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator at("/sys/block", ignored); at != end; at.increment(ignored)) {
    const auto& entry = *at;
    const std::string name = entry.path().filename();
    if (!name.starts_with("loop") || !std::filesystem::exists(entry.path() / "loop", ignored)) continue;
    const std::string file = backing_file(entry.path());
    if (!may_match(file)) continue;
    const std::string device = "/dev/" + name;
    const posix::FileDescriptor loop(open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    loop_info64 info{};
    if (!loop || ioctl(loop.get(), LOOP_GET_STATUS64, &info) != 0) continue;
    if (matches(info)) return Loop{device, {info.lo_device, info.lo_inode}};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Loop> find_loop(const Look::File& file) {
  const auto may_match = [&file](const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) != 0 || Look::File{status.st_dev, status.st_ino} == file;
  };
  return find_loop_where(may_match, [&file](const loop_info64& info) {
    return Look::File{info.lo_device, info.lo_inode} == file;
  });
}

std::optional<Loop> find_loop_of_deleted(const std::string& path) {
  return find_loop_where([&path](const std::string& file) { return file == path + " (deleted)"; },
                         [](const loop_info64&) { return true; });
}

Result<bool> clear_loop(const Loop& loop) {
  {
    const posix::FileDescriptor device(open(loop.device.c_str(), O_RDONLY | O_CLOEXEC));
    if (!device) return failed("cannot open " + loop.device, errno);
    // While it is open, its number cannot become another file's.
    loop_info64 info{};
    if (ioctl(device.get(), LOOP_GET_STATUS64, &info) != 0) return true;
    if (Look::File{info.lo_device, info.lo_inode} != loop.file) return true;
    if (ioctl(device.get(), LOOP_CLR_FD) != 0 && errno != ENXIO) return failed("cannot detach " + loop.device, errno);
  }
  // LOOP_CLR_FD succeeds on a device that others have open, too: it is then gone when the last of them closes it (since
  // Linux 6.11 our own descriptor counts as well, hence the block above).
  return !find_loop(loop.file);
}

}  // namespace mooring::backends::local
