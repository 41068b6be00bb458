#include "mount/device_serial.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <linux/major.h>
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include "mount/kernel_files.h"

namespace mooring::mount {
namespace {

using Bytes = std::span<const unsigned char>;

std::string text_of(Bytes bytes) {
  const std::string text(bytes.begin(), bytes.end());
  return std::string(trimmed(text));
}

std::string hex_of(Bytes bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

std::string nvme_serial(int descriptor) {
  // Identify Controller: opcode 06h, CNS 01h (NVMe Base Specification, 5.17).
  std::array<unsigned char, 4096> identify{};
  nvme_admin_cmd command{};
  command.opcode = 0x06;
  command.addr = reinterpret_cast<std::uintptr_t>(identify.data());
  command.data_len = identify.size();
  command.cdw10 = 1;
  if (::ioctl(descriptor, NVME_IOCTL_ADMIN_CMD, &command) != 0) return {};
  return parse_nvme_serial(identify);
}

std::vector<unsigned char> scsi_page(int descriptor, unsigned char page) {
  std::array<unsigned char, 252> reply{};
  std::array<unsigned char, 6> inquiry{0x12, 0x01, page, 0, static_cast<unsigned char>(reply.size()), 0};  // SPC-4, 6.6
  std::array<unsigned char, 32> sense{};
  sg_io_hdr_t io{};
  io.interface_id = 'S';
  io.dxfer_direction = SG_DXFER_FROM_DEV;
  io.cmdp = inquiry.data();
  io.cmd_len = inquiry.size();
  io.dxferp = reply.data();
  io.dxfer_len = reply.size();
  io.sbp = sense.data();
  io.mx_sb_len = sense.size();
  io.timeout = 5000;  // milliseconds
  if (::ioctl(descriptor, SG_IO, &io) != 0 || io.status != 0 || io.host_status != 0) return {};
  const int got = static_cast<int>(reply.size()) - io.resid;
  if (got <= 0) return {};
  return {reply.begin(), reply.begin() + got};
}

std::vector<unsigned char> page_from_sysfs(const std::string& path) {
  const auto content = read_file(path);
  return content ? std::vector<unsigned char>(content->begin(), content->end()) : std::vector<unsigned char>();
}

void add(std::vector<std::string>& identities, std::string identity) {
  const bool known = std::find(identities.begin(), identities.end(), identity) != identities.end();
  if (!identity.empty() && !known) identities.push_back(std::move(identity));
}

}  // namespace

std::string parse_nvme_serial(Bytes identify) { return identify.size() < 24 ? "" : text_of(identify.subspan(4, 20)); }

std::string parse_scsi_page_80(Bytes page) {
  if (page.size() < 4 || page[1] != 0x80) return {};
  const std::size_t length = page[2] * 256U + page[3];
  return text_of(page.subspan(4, std::min(length, page.size() - 4)));
}

std::vector<std::string> parse_scsi_page_83(Bytes page) {
  std::vector<std::string> found;
  if (page.size() < 4 || page[1] != 0x83) return found;
  Bytes rest = page.subspan(4, std::min<std::size_t>(page[2] * 256U + page[3], page.size() - 4));
  while (rest.size() >= 4) {
    const std::size_t length = rest[3];
    if (rest.size() < 4 + length) break;
    const Bytes designator = rest.subspan(4, length);
    const unsigned association = (rest[1] >> 4U) & 3U;  // 0: the logical unit
    const unsigned type = rest[1] & 0xfU;               // 0: vendor, 1: T10, 2: EUI-64, 3: NAA
    if (association == 0 && type <= 1) {
      auto text = text_of(designator);
      const auto blank = text.rfind(' ');
      if (type == 1 && blank != std::string::npos) add(found, text.substr(blank + 1));
      add(found, std::move(text));
    } else if (association == 0 && type <= 3) {
      add(found, hex_of(designator));
    }
    rest = rest.subspan(4 + length);
  }
  return found;
}

std::vector<std::string> identities_of(const OpenDevice& disk) {
  std::vector<std::string> identities;
  const auto sysfs = sysfs_directory(disk.device.major, disk.device.minor);
  if (disk.device.major == LOOP_MAJOR) return identities;  // has a backing file instead
  if (kernel_name(disk.device.major, disk.device.minor).starts_with("nvme")) {
    auto serial = nvme_serial(disk.fd.get());
    if (serial.empty()) serial = read_attribute(sysfs + "/device/serial").value_or("");
    add(identities, std::move(serial));
    return identities;
  }
  // virtio_blk asks the device at every read of this file (VIRTIO_BLK_T_GET_ID, drivers/block/virtio_blk.c).
  add(identities, read_attribute(sysfs + "/serial").value_or(""));
  if (exists(sysfs + "/device/scsi_device") || exists(sysfs + "/device/vpd_pg80")) {
    auto page_80 = scsi_page(disk.fd.get(), 0x80);
    if (page_80.empty()) page_80 = page_from_sysfs(sysfs + "/device/vpd_pg80");
    add(identities, parse_scsi_page_80(page_80));
    auto page_83 = scsi_page(disk.fd.get(), 0x83);
    if (page_83.empty()) page_83 = page_from_sysfs(sysfs + "/device/vpd_pg83");
    for (auto& identity : parse_scsi_page_83(page_83)) add(identities, std::move(identity));
  }
  add(identities, read_attribute(sysfs + "/device/serial").value_or(""));  // mmc and others
  return identities;
}

}  // namespace mooring::mount
