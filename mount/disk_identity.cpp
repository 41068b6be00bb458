#include "mount/disk_identity.h"

#include <algorithm>
#include <cerrno>

#include <linux/loop.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount/device_serial.h"
#include "mount/kernel_files.h"

namespace mooring::mount {
namespace {

Error wrong(std::string message) { return Error{Errc::wrong_disk, std::move(message), 0}; }

Result<void> confirm_backing_file(const FileId& expected, const OpenDevice& disk) {
  loop_info64 info{};
  if (disk.device.major != LOOP_MAJOR) return wrong(disk.device.path + " is not a loop device");
  if (::ioctl(disk.fd.get(), LOOP_GET_STATUS64, &info) != 0) {
    if (errno == ENXIO) return Error{Errc::not_found, disk.device.path + " has no file attached", ENXIO};
    return system_error("cannot ask " + disk.device.path + " for its file", errno);
  }
  if (FileId{info.lo_device, info.lo_inode} == expected) return boost::outcome_v2::success();
  const auto file =
      read_attribute(sysfs_directory(disk.device.major, disk.device.minor) + "/loop/backing_file").value_or("?");
  return wrong(disk.device.path + " is backed by another file than the one expected (" + file + ")");
}

Result<void> confirm_serial(const std::string& expected, const OpenDevice& disk) {
  const auto identities = identities_of(disk);
  if (std::find(identities.begin(), identities.end(), expected) != identities.end()) {
    return boost::outcome_v2::success();
  }
  if (identities.empty()) {
    return wrong(disk.device.path + " tells no serial number; expected '" + expected + "'");
  }
  return wrong(disk.device.path + " has the serial number '" + identities.front() + "', not the expected '" + expected +
               "'");
}

/// Nothing but names and a size: then both must fit exactly, at this moment.
Result<void> confirm_links(const DiskLook& look, const OpenDevice& disk) {
  const auto number = makedev(disk.device.major, disk.device.minor);
  const bool named = std::any_of(look.links.begin(), look.links.end(), [&](const std::string& link) {
    struct stat status {};
    return ::stat(link_path(link).c_str(), &status) == 0 && S_ISBLK(status.st_mode) && status.st_rdev == number;
  });
  if (!named) {
    return wrong("no link of the disk that is meant leads to " + disk.device.path + " (" +
                 link_path(look.links.front()) + ")");
  }
  if (disk.device.size <= look.size) return boost::outcome_v2::success();  // fewer is told apart by the caller
  return wrong(disk.device.path + " has " + std::to_string(disk.device.size) + " bytes, more than the " +
               std::to_string(look.size) + " expected; without a serial number, the size has to be exact");
}

}  // namespace

std::string link_path(const std::string& link) { return link.starts_with('/') ? link : "/dev/disk/by-id/" + link; }

Result<void> confirm_identity(const DiskLook& look, const OpenDevice& device) {
  BOOST_OUTCOME_TRY(auto disk, open_whole_disk(device));
  // The whole disk is looked up by number while `device` is held open, so it cannot have been replaced.
  if (look.serial.empty() && !look.backing_file && (look.links.empty() || look.size == 0)) {
    return wrong("nothing is known by which " + disk.device.path +
                 " could be told from other disks: give its serial number, or its link and size");
  }
  if (look.backing_file) {
    BOOST_OUTCOME_TRY(confirm_backing_file(*look.backing_file, disk));
  }
  if (!look.serial.empty()) {
    BOOST_OUTCOME_TRY(confirm_serial(look.serial, disk));
  }
  if (disk.device.size == 0) return Error{Errc::not_found, disk.device.path + " has no size yet", 0};
  if (disk.device.size < look.size) {
    return wrong(disk.device.path + " has " + std::to_string(disk.device.size) + " bytes, fewer than the " +
                 std::to_string(look.size) + " expected");
  }
  if (look.serial.empty() && !look.backing_file) return confirm_links(look, disk);
  return boost::outcome_v2::success();
}

}  // namespace mooring::mount
