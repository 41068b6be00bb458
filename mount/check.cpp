// Before a file system is mounted read-write (rule 12).
#include <cerrno>
#include <string>

#include "mount/claim.h"
#include "mount/disk_identity.h"
#include "mount/ext_superblock.h"
#include "mount/host.h"
#include "mount/kernel_files.h"
#include "mount/process.h"

namespace mooring::mount::blocking {

Result<std::string> check(const DiskLook& look, const Device& device, const FileSystem& filesystem,
                          std::stop_token stop) {
  BOOST_OUTCOME_TRY(auto opened, open_device(device));
  BOOST_OUTCOME_TRY(confirm_identity(look, opened));
  // xfs and btrfs replay their logs when mounted; a device that refuses writes cannot be repaired here.
  if (!is_ext(filesystem.type) || opened.device.read_only) return std::string();
  // While it is mounted, the superblock rightly says "not clean"; repairing it then would destroy it.
  const std::string& path = opened.device.path;
  const auto superblock_in_use = "/sys/fs/ext4/" + kernel_name(opened.device.major, opened.device.minor);
  if (exists(superblock_in_use)) return std::string();
  const auto super = read_ext_superblock(opened);
  if (super && super->clean) return std::string();
  BOOST_OUTCOME_TRY(const auto disk, open_whole_disk(opened));
  BOOST_OUTCOME_TRY(lock(disk, stop));  // udevd looks at the lock of the whole disk
  // Somebody who holds it and has not mounted it may be repairing it.
  BOOST_OUTCOME_TRY(const auto holder, holder_of(opened.device));
  if (holder == Holder::somebody)
    return Error{Errc::busy, path + " is held exclusively by another program, which may be checking it", EBUSY};
  BOOST_OUTCOME_TRY(const auto end, run_process({"e2fsck", "-p", path}, std::move(stop)));
  // e2fsck(8): 1 corrected, 2 corrected and a reboot is wanted, which a file system that is not mounted does not need.
  if (end.status < 4) return in_brief(end.output);
  return Error{Errc::check_failed,
               "the " + filesystem.type + " file system on " + path +
                   " has damage that is not repaired without a person (e2fsck -p: exit status " +
                   std::to_string(end.status) +
                   "); make a snapshot of the volume, then attach it by hand and run e2fsck -f on it. It said: " +
                   in_brief(end.output),
               0};
}

}  // namespace mooring::mount::blocking
