// `backends` and `mount` do not know each other: what the one says of a disk, in the words of the other.
#pragma once

#include "backends/volume.h"
#include "mount/disk.h"

namespace mooring::agent::act {

inline mount::DiskLook to_disk_look(const backends::Look& look) {
  mount::DiskLook disk{.serial = look.serial, .links = look.links, .backing_file = {}, .size = look.size};
  if (look.backing_file) disk.backing_file = mount::FileId{look.backing_file->device, look.backing_file->inode};
  return disk;
}

inline backends::Look to_backend_look(const mount::DiskLook& disk) {
  backends::Look look{.serial = disk.serial, .links = disk.links, .backing_file = {}, .size = disk.size};
  if (disk.backing_file) look.backing_file = backends::Look::File{disk.backing_file->device, disk.backing_file->inode};
  return look;
}

}  // namespace mooring::agent::act
