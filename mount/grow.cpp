// Grows a mounted file system to the size of its device by the file system's own ioctl: no program is run.
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "mount/block_device.h"
#include "mount/ext_superblock.h"
#include "mount/host.h"

namespace mooring::mount {
namespace {

// Documentation/filesystems/ext4, ioctl EXT4_IOC_RESIZE_FS: the new size in blocks.
constexpr unsigned long kExt4Resize = _IOW('f', 16, std::uint64_t);

// fs/xfs/libxfs/xfs_fs.h (xfsprogs: xfs/xfs_fs.h), which is not installed with the kernel's own headers.
struct XfsGeometry {  // xfs_fsop_geom_v1
  std::uint32_t blocksize, rtextsize, agblocks, agcount, logblocks, sectsize, inodesize, imaxpct;
  std::uint64_t datablocks, rtblocks, rtextents, logstart;
  std::uint8_t uuid[16];
  std::uint32_t sunit, swidth;
  std::int32_t version;
  std::uint32_t flags, logsectsize, rtsectsize, dirblocksize;
};
struct XfsGrowData {  // xfs_growfs_data
  std::uint64_t newblocks;
  std::uint32_t imaxpct;
};
constexpr unsigned long kXfsGeometry = _IOR('X', 100, XfsGeometry);
constexpr unsigned long kXfsGrowData = _IOW('X', 110, XfsGrowData);

Error cannot_grow(const MountEntry& mounted, int error_number) {
  return system_error(
      "cannot grow the " + mounted.fs + " file system at " + mounted.target + " to the size of " + mounted.source,
      error_number);
}

Result<Growth> grow_ext(const MountEntry& mounted, const OpenDevice& device, int directory) {
  const auto super = read_ext_superblock(device);
  if (!super || super->block_size == 0) return cannot_grow(mounted, EUCLEAN);
  Growth growth{super->blocks * super->block_size, super->blocks * super->block_size};
  std::uint64_t blocks = device.device.size / super->block_size;
  if (blocks <= super->blocks) return growth;
  if (::ioctl(directory, kExt4Resize, &blocks) != 0) {
    if (errno == EPERM) {  // fs/ext4/resize.c: CAP_SYS_RESOURCE, and a file system without errors
      return system_error(
          "the ext4 file system at " + mounted.target +
              " may not be grown: this needs the capability CAP_SYS_RESOURCE and a file system without errors",
          EPERM);
    }
    if (errno == EOPNOTSUPP || errno == ENOTTY) return growth;  // made without room to grow online
    return cannot_grow(mounted, errno);
  }
  // A last group that would be too small is left out, so the kernel may stop short of what was asked for.
  const auto grown = read_ext_superblock(device);
  growth.after = grown ? grown->blocks * grown->block_size : blocks * super->block_size;
  return growth;
}

Result<Growth> grow_xfs(const MountEntry& mounted, const OpenDevice& device, int directory) {
  XfsGeometry geometry{};
  if (::ioctl(directory, kXfsGeometry, &geometry) != 0) return cannot_grow(mounted, errno);
  if (geometry.blocksize == 0) return cannot_grow(mounted, EUCLEAN);
  const std::uint64_t before = geometry.datablocks * geometry.blocksize;
  const std::uint64_t blocks = device.device.size / geometry.blocksize;
  if (blocks <= geometry.datablocks) return Growth{before, before};
  XfsGrowData request{blocks, geometry.imaxpct};
  if (::ioctl(directory, kXfsGrowData, &request) != 0) {
    // A last allocation group below the minimum cannot be made; then there is nothing worth growing.
    if (errno == EINVAL && blocks - geometry.datablocks < geometry.agblocks) return Growth{before, before};
    return cannot_grow(mounted, errno);
  }
  if (::ioctl(directory, kXfsGeometry, &geometry) != 0) return cannot_grow(mounted, errno);
  return Growth{before, geometry.datablocks * geometry.blocksize};
}

/// A btrfs may span devices: the one with our number.
Result<btrfs_ioctl_dev_info_args> btrfs_device(const MountEntry& mounted, int directory) {
  btrfs_ioctl_fs_info_args filesystem{};
  if (::ioctl(directory, BTRFS_IOC_FS_INFO, &filesystem) != 0) return cannot_grow(mounted, errno);
  for (std::uint64_t id = 0; id <= filesystem.max_id; ++id) {
    btrfs_ioctl_dev_info_args info{};
    info.devid = id;
    if (::ioctl(directory, BTRFS_IOC_DEV_INFO, &info) != 0) continue;
    struct stat status {};
    const auto* path = reinterpret_cast<const char*>(info.path);
    if (::stat(path, &status) == 0 && status.st_rdev == makedev(mounted.major, mounted.minor)) return info;
  }
  return cannot_grow(mounted, ENODEV);
}

Result<Growth> grow_btrfs(const MountEntry& mounted, const OpenDevice& device, int directory) {
  BOOST_OUTCOME_TRY(const auto info, btrfs_device(mounted, directory));
  constexpr std::uint64_t kSector = 4096;
  Growth growth{info.total_bytes, info.total_bytes};
  if (device.device.size / kSector * kSector <= info.total_bytes) return growth;
  btrfs_ioctl_vol_args request{};
  const auto order = std::to_string(info.devid) + ":max";  // btrfs-filesystem(8), resize
  std::memcpy(request.name, order.c_str(), order.size());
  const int answer = ::ioctl(directory, BTRFS_IOC_RESIZE, &request);
  if (answer < 0) return cannot_grow(mounted, errno);
  if (answer > 0) {  // enum btrfs_err_code, BTRFS_ERROR_DEV_EXCL_RUN_INPROGRESS: success it is not
    return Error{Errc::busy,
                 "the btrfs file system at " + mounted.target +
                     " cannot be grown while a balance, replace or another resize of it is under way; see `btrfs "
                     "balance status " +
                     mounted.target + "`",
                 EBUSY};
  }
  BOOST_OUTCOME_TRY(const auto grown, btrfs_device(mounted, directory));
  growth.after = grown.total_bytes;
  return growth;
}

}  // namespace

namespace blocking {

Result<Usage> usage(const std::string& target) {
  struct statvfs status {};
  if (::statvfs(target.c_str(), &status) != 0) {
    return system_error("cannot ask for the space at " + target, errno,
                        errno == ENOENT || errno == ENOTDIR ? Errc::not_found : Errc::system);
  }
  return Usage{status.f_blocks * status.f_frsize, (status.f_blocks - status.f_bfree) * status.f_frsize};
}

Result<Growth> grow(const MountEntry& mounted) {
  BOOST_OUTCOME_TRY(const auto space, usage(mounted.target));
  const Growth none{space.size, space.size};
  if (mounted.read_only || (!is_ext(mounted.fs) && mounted.fs != "xfs" && mounted.fs != "btrfs")) return none;
  Device expected;
  expected.path = node_path(mounted.major, mounted.minor);
  expected.major = mounted.major;
  expected.minor = mounted.minor;
  if (expected.path.empty()) return cannot_grow(mounted, ENODEV);
  BOOST_OUTCOME_TRY(const auto device, open_device(expected));
  const Fd directory(::open(mounted.target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory) return cannot_grow(mounted, errno);
  // Only the file system that is meant may grow, not what lies below once it was unmounted.
  struct stat status {};
  const bool same = ::fstat(directory.get(), &status) == 0 &&
                    (mounted.fs == "btrfs" || status.st_dev == makedev(mounted.major, mounted.minor));
  if (!same) return cannot_grow(mounted, ESTALE);
  if (mounted.fs == "xfs") return grow_xfs(mounted, device, directory.get());
  if (mounted.fs == "btrfs") return grow_btrfs(mounted, device, directory.get());
  return grow_ext(mounted, device, directory.get());
}

}  // namespace blocking
}  // namespace mooring::mount
