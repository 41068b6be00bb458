// What a disk itself says of its identity. Internal; the parsers are pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "mount/block_device.h"

namespace mooring::mount {

/// Every identity the disk tells, asked through the descriptor where the device has a command for it, else from what
/// the kernel read from it: NVMe serial, virtio serial, SCSI page 0x80, SCSI page 0x83. Empty: the disk has none.
std::vector<std::string> identities_of(const OpenDevice& disk);

/// NVMe Base Specification, Identify Controller data structure: bytes 4 to 23, ASCII, padded with blanks.
std::string parse_nvme_serial(std::span<const unsigned char> identify);

/// SPC-4, 7.8.16 Unit Serial Number VPD page.
std::string parse_scsi_page_80(std::span<const unsigned char> page);

/// SPC-4, 7.8.6 Device Identification VPD page: designators of the logical unit. For a T10 designator
/// ("Google  PersistentDisk  my-disk") the whole and its last word.
std::vector<std::string> parse_scsi_page_83(std::span<const unsigned char> page);

}  // namespace mooring::mount
