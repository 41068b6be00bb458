// Finds the disk that looks as expected. A link is only a hint: what counts is what the device says of itself (rule 7).
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount/block_device.h"
#include "mount/device_serial.h"
#include "mount/disk_identity.h"
#include "mount/host.h"
#include "mount/kernel_files.h"

namespace mooring::mount {
namespace {

struct Search {
  std::optional<Device> found;
  std::optional<Error> refused;  // why a device that was named is not the one
};

void try_path(const DiskLook& look, const std::string& path, Search& search) {
  auto opened = open_device(path);
  if (!opened) return;
  auto confirmed = confirm_identity(look, opened.value());
  if (confirmed) {
    search.found = opened.value().device;
  } else if (confirmed.error().code != Errc::not_found && !search.refused) {
    search.refused = confirmed.error();
  }
}

/// Without a serial there is only the size to compare, so two links to different disks are a doubt.
Result<Device> by_links_alone(const DiskLook& look) {
  Search search;
  for (const auto& link : look.links) {
    Search one;
    try_path(look, link_path(link), one);
    if (one.refused && !search.refused) search.refused = one.refused;
    if (one.found && search.found && one.found->path != search.found->path) {
      return Error{Errc::wrong_disk,
                   "the links of this disk lead to two devices, " + search.found->path + " and " + one.found->path, 0};
    }
    if (one.found) search.found = one.found;
  }
  if (search.found) return *search.found;
  if (search.refused) return *search.refused;
  return Error{Errc::not_found, "no disk is at " + link_path(look.links.front()) + " yet", 0};
}

/// Tells most loop devices apart without opening them: an open one cannot be detached by its owner at that moment.
bool may_be_backed_by(const FileId& file, const std::string& loop) {
  const auto path = read_attribute("/sys/block/" + loop + "/loop/backing_file");
  struct stat status {};
  if (!path) return false;
  if (::stat(path->c_str(), &status) != 0) return true;  // deleted, or out of our sight: ask the device
  return FileId{status.st_dev, status.st_ino} == file;
}

bool may_be_it(const DiskLook& look, const std::string& name) {
  const bool loop = name.starts_with("loop");
  if (look.backing_file) return loop && may_be_backed_by(*look.backing_file, name);
  // Devices without a medium of their own have no serial; hidden ones are paths of an NVMe multipath head.
  for (const auto* prefix : {"loop", "ram", "zram", "dm-", "md", "sr", "fd"}) {
    if (name.starts_with(prefix)) return false;
  }
  return read_attribute("/sys/block/" + name + "/hidden").value_or("0") != "1";
}

Result<Device> among_all(const DiskLook& look, std::optional<Error> refused) {
  Search all;
  DiskLook any_size = look;
  any_size.size = 0;
  BOOST_OUTCOME_TRY(const auto names, names_in("/sys/block"));
  for (const auto& name : names) {
    if (!may_be_it(look, name)) continue;
    const auto number = read_attribute("/sys/block/" + name + "/dev");
    const auto parsed = number ? parse_device_number(*number) : std::nullopt;
    if (!parsed) continue;
    const auto path = node_path(parsed->first, parsed->second);
    Search one;
    try_path(any_size, path, one);
    if (!one.found) continue;  // another disk
    one = {};
    try_path(look, path, one);
    if (one.found && all.found) {
      return Error{Errc::wrong_disk,
                   "two devices say they are this disk, " + all.found->path + " and " + one.found->path +
                       ": is it attached over several paths?",
                   0};
    }
    if (one.found) all.found = one.found;
    if (one.refused) refused = one.refused;  // the right disk, but too small
  }
  if (all.found) return *all.found;
  if (refused) return *refused;
  return Error{Errc::not_found,
               look.backing_file ? std::string("no loop device has the image file attached")
                                 : "no disk with the serial number '" + look.serial + "' is there",
               0};
}

}  // namespace

namespace blocking {

Result<Device> find_disk(const DiskLook& look) {
  if (look.serial.empty() && !look.backing_file) {
    if (look.links.empty() || look.size == 0) {
      return Error{
          Errc::wrong_disk,
          "nothing is known by which the disk could be told from others: give its serial number, or its link and "
          "size",
          0};
    }
    return by_links_alone(look);
  }
  std::optional<Error> refused;
  for (const auto& link : look.links) {
    Search search;
    try_path(look, link_path(link), search);
    if (search.found) return *search.found;
    if (search.refused) {
      refused = Error{search.refused->code, "the link " + link_path(link) + " is stale: " + search.refused->message, 0};
    }
  }
  return among_all(look, std::move(refused));
}

}  // namespace blocking
}  // namespace mooring::mount
