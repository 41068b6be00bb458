#include "mount/mount_point.h"

#include <cerrno>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "failpoint/failpoint.h"
#include "mount/kernel_files.h"
#include "text/printable.h"

namespace mooring::mount {
namespace {

Error unsafe(std::string message) { return Error{Errc::unsafe_path, std::move(message), 0}; }

/// openat2(2): no symbolic link anywhere on the way, and nothing outside `parent`.
int open_without_links(int parent, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0; attempt < 16; ++attempt) {
    const auto fd = ::syscall(SYS_openat2, parent, path.c_str(), &how, sizeof how);
    // EAGAIN: something was renamed meanwhile, so the kernel could not tell whether the way left `parent`.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
  return -1;
}

Error open_error(const std::string& path, int error_number) {
  switch (error_number) {
    case ELOOP:
      return unsafe(path + " is, or leads through, a symbolic link: give the real path");
    case EXDEV:
      return unsafe(path + " leads out of the directory that it belongs to");
    case ENOENT:
      return Error{Errc::not_found, path + " does not exist", error_number};
    case ENOTDIR:
      return Error{Errc::unsafe_path,
                   path +
                       " is, or leads through, something that is not a directory; move that away, or choose another "
                       "path",
                   error_number};
    default:
      return system_error("cannot open " + path, error_number);
  }
}

Result<Fd> open_root() {
  Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return system_error("cannot open /", errno);
  return root;
}

Result<Fd> open_for_reading(int parent, const std::string& name, const std::string& path) {
  Fd fd(open_without_links(parent, name, O_RDONLY | O_DIRECTORY));
  if (!fd) return open_error(path, errno);
  return fd;
}

/// The directory itself, for reading: a single dot leads through no name and into no mount (path_resolution(7)).
Result<Fd> open_itself(int directory, const std::string& path) {
  Fd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return open_error(path, errno);
  return fd;
}

/// The mount that a descriptor is of (proc_pid_fdinfo(5)); empty: not known.
std::optional<std::uint64_t> mount_of(int descriptor) {
  const auto info = read_file("/proc/thread-self/fdinfo/" + std::to_string(descriptor));
  constexpr std::string_view kKey = "mnt_id:";
  const auto at = info ? info->find(kKey) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const auto text = trimmed(std::string_view(*info).substr(at + kKey.size(), info->find('\n', at) - at - kKey.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// An xfs that has shut down answers EIO even to statx. The kernel itself still knows of which mount a descriptor is;
/// where the way up leads to another one, this is its root.
Result<PointState> look_at_shut_down(int directory, const std::string& path) {
  const Fd above(::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto own = mount_of(directory);
  const auto other = above ? mount_of(above.get()) : std::nullopt;
  if (!own || !other) return system_error("cannot look at " + path, EIO);
  PointState state;
  state.mount_root = *own != *other;
  state.mount_id = *own;
  state.answers = false;
  return state;
}

}  // namespace

Result<std::string> normal_path(const std::string& path) {
  if (!path.starts_with('/')) return unsafe("the path '" + path + "' is not absolute");
  std::string normal;
  std::string_view rest(path);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto component = rest.substr(0, rest.find('/'));
    rest.remove_prefix(component.size());
    if (component.empty()) continue;
    BOOST_OUTCOME_TRY(check_component(std::string(component)));
    normal += "/" + std::string(component);
  }
  if (normal.empty()) normal = "/";
  return normal;
}

Result<void> check_component(const std::string& name) {
  if (name.empty() || name == "." || name == "..") return unsafe("'" + name + "' cannot be a part of a path");
  if (name.size() > 255)
    return unsafe("a name of " + std::to_string(name.size()) + " bytes is too long for a directory");
  for (const char c : name) {
    if (c == '/' || static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      return unsafe("a slash or a control character cannot be in the name of a directory");
    }
  }
  return boost::outcome_v2::success();
}

Result<Fd> open_directory(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto normal, normal_path(path));
  BOOST_OUTCOME_TRY(auto root, open_root());
  if (normal == "/") return root;
  return open_below(root.get(), normal.substr(1), normal);
}

Result<Fd> open_below(int parent, const std::string& name, const std::string& path) {
  Fd fd(open_without_links(parent, name, O_PATH | O_DIRECTORY));
  if (!fd) return open_error(path, errno);
  return fd;
}

Result<MadeDirectory> make_below(int parent, const std::string& name, mode_t mode, const std::string& path) {
  auto opened = open_below(parent, name, path);
  if (opened) return MadeDirectory{std::move(opened.value()), false};
  if (opened.error().code != Errc::not_found) return opened.error();
  // Made closed, then opened to `mode`: the umask belongs to the process, not to us.
  const bool made = ::mkdirat(parent, name.c_str(), 0) == 0;
  if (!made && errno != EEXIST) return system_error("cannot make the directory " + path, errno);
  if (made && mode != 0) {
    BOOST_OUTCOME_TRY(const auto directory, open_for_reading(parent, name, path));
    if (::fchmod(directory.get(), mode) != 0) return system_error("cannot set the mode of " + path, errno);
  }
  BOOST_OUTCOME_TRY(auto directory, open_below(parent, name, path));
  return MadeDirectory{std::move(directory), made};
}

Result<MadeDirectory> make_directory(const std::string& path, mode_t mode) {
  BOOST_OUTCOME_TRY(const auto normal, normal_path(path));
  auto there = open_directory(normal);
  if (there) return MadeDirectory{std::move(there.value()), false};
  if (there.error().code != Errc::not_found) return there.error();
  BOOST_OUTCOME_TRY(auto root, open_root());
  MadeDirectory current{std::move(root), false};
  for (std::size_t start = 1; start < normal.size();) {
    const auto end = std::min(normal.find('/', start), normal.size());
    const bool last = end == normal.size();
    BOOST_OUTCOME_TRY(auto next, make_below(current.directory.get(), normal.substr(start, end - start),
                                            last ? mode : 0755, normal.substr(0, end)));
    current = std::move(next);
    start = end + 1;
  }
  return current;
}

Result<Place> open_parent(const std::string& path) {
  BOOST_OUTCOME_TRY(auto normal, normal_path(path));
  if (normal.size() == 1) return unsafe("/ itself cannot be a mount point");
  const auto slash = normal.rfind('/');
  BOOST_OUTCOME_TRY(auto parent, open_directory(slash == 0 ? "/" : normal.substr(0, slash)));
  auto name = normal.substr(slash + 1);
  return Place{std::move(parent), std::move(name), std::move(normal)};
}

Result<Place> place_of(int directory) {
  // Of one that was removed, the kernel tells a path with " (deleted)" behind it: nothing is there (proc_pid_fd(5)).
  return open_parent(link_target("/proc/self/fd/" + std::to_string(directory)));
}

Result<PointState> look_at(int directory, const std::string& path) {
  struct statx status {};
  if (::statx(directory, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, &status) !=
      0) {
    if (errno == EIO) return look_at_shut_down(directory, path);
    return system_error("cannot look at " + path, errno);
  }
  if ((status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) {
    return system_error("cannot tell whether something is mounted at " + path + " (Linux 5.8 can)", ENOSYS);
  }
  PointState state;
  state.mount_root = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  state.mount_id = status.stx_mnt_id;
  state.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  state.inode = status.stx_ino;
  return state;
}

Result<void> expect_empty(int directory, const std::string& path) {
  BOOST_OUTCOME_TRY(auto opened, open_itself(directory, path));
  const Directory listing(::fdopendir(opened.get()));
  if (!listing) return system_error("cannot list " + path, errno);
  opened.release();  // closed with the listing
  for (;;) {
    errno = 0;  // readdir(3): the end and an error differ in errno alone
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr && errno != 0) return system_error("cannot list " + path, errno);
    if (entry == nullptr) return boost::outcome_v2::success();
    const std::string_view found(entry->d_name);
    if (found == "." || found == "..") continue;
    return Error{Errc::occupied,
                 path + " is not empty (it holds '" + text::harmless(found) +
                     "'), and nothing is mounted over files; move away what is in it, or choose another path",
                 0};
  }
}

std::optional<bool> is_immutable(int directory) {
  const auto opened = open_itself(directory, "");
  int flags = 0;
  if (!opened || ::ioctl(opened.value().get(), FS_IOC_GETFLAGS, &flags) != 0) return std::nullopt;
  return (flags & FS_IMMUTABLE_FL) != 0;
}

void set_immutable(int directory, bool immutable) {
  const auto opened = open_itself(directory, "");
  int flags = 0;
  if (!opened || ::ioctl(opened.value().get(), FS_IOC_GETFLAGS, &flags) != 0) return;  // tmpfs and others have none
  const int wanted = immutable ? (flags | FS_IMMUTABLE_FL) : (flags & ~FS_IMMUTABLE_FL);
  if (wanted != flags) ::ioctl(opened.value().get(), FS_IOC_SETFLAGS, &wanted);
}

Result<void> close_mount_point(int directory, const std::string& path) {
  BOOST_OUTCOME_TRY(expect_empty(directory, path));
  BOOST_OUTCOME_TRY(const auto opened, open_itself(directory, path));
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return system_error("cannot look at " + path, errno);
  if ((status.st_mode & 07777U) != 0) {
    set_immutable(directory, false);  // the mode of an immutable directory cannot be changed
    if (::fchmod(opened.get(), 0) != 0) return system_error("cannot set the mode of " + path, errno);
  }
  set_immutable(directory, true);
  return boost::outcome_v2::success();
}

Result<void> remove_mount_point(const Place& place) {
  auto opened = open_below(place.parent.get(), place.name, place.path);
  if (!opened && opened.error().code == Errc::not_found) return boost::outcome_v2::success();
  if (!opened) return opened.error();
  BOOST_OUTCOME_TRY(const auto state, look_at(opened.value().get(), place.path));
  if (state.mount_root) return Error{Errc::occupied, "something is still mounted at " + place.path, 0};
  const int directory = opened.value().get();
  BOOST_OUTCOME_TRY(expect_empty(directory, place.path));
  set_immutable(directory, false);
  MOORING_FAILPOINT("unmount.point_opened");
  if (::unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
    return boost::outcome_v2::success();
  }
  const int error_number = errno;
  set_immutable(directory, true);
  return system_error("cannot remove the mount point " + place.path, error_number);
}

}  // namespace mooring::mount
