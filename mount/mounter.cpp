#include "mount/mounter.h"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "mount/kernel_files.h"

namespace mooring::mount {
namespace {

/// A way to an open directory that leads through no name, so that nothing swapped in can redirect it (rule 15). The dot
/// makes the kernel follow the descriptor's link even where it does not follow links, as move_mount(2) in newer
/// versions of libmount.
std::string way_to(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor) + "/."; }

/// After what the kernel answered the mount of a file system.
std::string what_to_do(int error_number, std::string_view fs) {
  std::string program = "e2fsck -f";
  if (fs == "xfs") program = "xfs_repair";
  if (fs == "btrfs") program = "btrfs check";
  const std::string repair = "make a snapshot of the volume, then attach it by hand and repair it (" + program + ")";
  switch (error_number) {
    case EUCLEAN:
    case EBADMSG:  // what file systems answer to a checksum that is wrong
      return "; " + repair;
    case EINVAL:
    case EIO:
      return "; the kernel's log says more (`dmesg`). If it is damaged: " + repair;
    case ENODEV:
      return "; load the kernel's module for it, or use an image of the instance that has it";
    default:
      return "";
  }
}

Result<void> run(const std::string& source, const std::string& way, const char* fs, const std::string& options,
                 const std::string& target) {
  const MountContext context(mnt_new_context());
  if (!context) return system_error("cannot mount at " + target, ENOMEM, Errc::mount_failed);
  libmnt_context* mounting = context.get();
  mnt_context_disable_canonicalize(mounting, 1);
  mnt_context_disable_helpers(mounting, 1);  // no /sbin/mount.<type>
  mnt_context_disable_mtab(mounting, 1);
  mnt_context_set_optsmode(mounting, MNT_OMODE_NOTAB);  // what fstab says is not ours
  mnt_context_enable_rwonly_mount(mounting, 1);         // rule 12
  if (mnt_context_set_source(mounting, source.c_str()) != 0 || mnt_context_set_target(mounting, way.c_str()) != 0 ||
      (fs != nullptr && mnt_context_set_fstype(mounting, fs) != 0) ||
      mnt_context_set_options(mounting, options.c_str()) != 0) {
    return system_error("cannot mount " + source + " at " + target, ENOMEM, Errc::mount_failed);
  }
  const int failed = mnt_context_mount(mounting);
  std::array<char, 1024> words{};
  const int exit_code = mnt_context_get_excode(mounting, failed, words.data(), words.size());
  if (failed == 0 && exit_code == 0) return boost::outcome_v2::success();
  const int error_number =
      mnt_context_syscall_called(mounting) != 0 ? mnt_context_get_syscall_errno(mounting) : -failed;
  std::string message = "cannot mount " + source + " at " + target;
  if (fs != nullptr) message += " as " + std::string(fs);
  if (words[0] != '\0') message += ": " + std::string(trimmed(words.data()));
  if (words[0] == '\0' && error_number > 0) message = system_error(std::move(message), error_number).message;
  if (fs != nullptr) message += what_to_do(error_number, fs);
  // Rule 12: the superblock said it is clean, and it is not.
  const bool damaged = error_number == EUCLEAN || error_number == EBADMSG;
  return Error{damaged ? Errc::check_failed : Errc::mount_failed, std::move(message), error_number};
}

}  // namespace

Result<void> mount_on(int directory, const std::string& source, const std::string& fs, const std::string& options,
                      const std::string& target) {
  return run(source, way_to(directory), fs.c_str(), options, target);
}

Result<void> bind_on(int directory, int source, const std::string& target) {
  return run(way_to(source), way_to(directory), nullptr, "bind", target);
}

Result<void> restrict_mount(int mounted, bool read_only, const std::string& target) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (read_only ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0U);
  attributes.attr_clr = read_only ? 0U : std::uint64_t{MOUNT_ATTR_RDONLY};
  if (::mount_setattr(mounted, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) {
    return boost::outcome_v2::success();
  }
  if (errno != ENOSYS) return system_error("cannot restrict the mount at " + target, errno, Errc::mount_failed);
  // Before Linux 5.12: a remount sets all flags at once, so those that are there have to be named again.
  struct statvfs status {};
  if (::fstatvfs(mounted, &status) != 0)
    return system_error("cannot ask the mount at " + target, errno, Errc::mount_failed);
  std::string options = "remount,bind,nodev,nosuid";
  if (read_only) options += ",ro";
  if ((status.f_flag & ST_NOEXEC) != 0) options += ",noexec";
  return run("none", way_to(mounted), nullptr, options, target);
}

Result<void> unmount(const Place& place, bool lazy) {
  // Not libmount: it would read the whole table, and an open descriptor of the mount itself would keep it busy. The
  // parent is open, the last name is not followed (umount(2)); never MNT_FORCE (rule 10).
  const auto way = "/proc/self/fd/" + std::to_string(place.parent.get()) + "/" + place.name;
  if (::umount2(way.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return boost::outcome_v2::success();
  switch (errno) {
    case EBUSY:
      return system_error("cannot unmount " + place.path, EBUSY, Errc::busy);
    case EINVAL:
    case ENOENT:
      return system_error("nothing is mounted at " + place.path, errno, Errc::not_found);
    default:
      return system_error("cannot unmount " + place.path, errno);
  }
}

}  // namespace mooring::mount
