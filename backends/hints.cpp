#include "backends/hints.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>

namespace mooring::backends {
namespace {

constexpr std::size_t kLargestFile = std::size_t{64} * 1024;  // of meta_data.json; the others have a line

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string read_line(const std::string& path) {
  constexpr std::string_view kSpace{" \t\r\n\0", 5};
  const std::string text = read_file(path);
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Dmi read_dmi(const std::string& directory) {
  return {.sys_vendor = read_line(directory + "sys_vendor"),
          .product_name = read_line(directory + "product_name"),
          .product_serial = read_line(directory + "product_serial"),
          .product_uuid = read_line(directory + "product_uuid"),
          .chassis_asset_tag = read_line(directory + "chassis_asset_tag"),
          .bios_vendor = read_line(directory + "bios_vendor"),
          .bios_version = read_line(directory + "bios_version")};
}

/// What a container's first process was given, but a service or a shell that was started later was not. No secret among
/// them: RUNPOD_API_KEY stays where it is.
void add_runpod_variables(const std::string& path, Environment& environment) {
  constexpr std::array<std::string_view, 3> kNames = {"RUNPOD_POD_ID", "RUNPOD_DC_ID", "RUNPOD_VOLUME_ID"};
  const std::string text = read_file(path);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    const std::string_view entry = std::string_view(text).substr(begin, end - begin);
    const std::size_t equals = entry.find('=');
    const std::string_view name = entry.substr(0, equals);
    if (equals != std::string_view::npos && std::find(kNames.begin(), kNames.end(), name) != kNames.end())
      environment.emplace(name, entry.substr(equals + 1));
    begin = end + 1;
  }
}

}  // namespace

Hints read_hints(const std::string& root, Environment environment) {
  Hints hints;
  const std::string base = root.ends_with('/') ? root : root + "/";
  hints.dmi = read_dmi(base + "sys/class/dmi/id/");
  hints.hypervisor_type = read_line(base + "sys/hypervisor/type");
  hints.hypervisor_uuid = read_line(base + "sys/hypervisor/uuid");
  const std::string nebius = base + "mnt/cloud-metadata/";
  hints.nebius = {.instance_id = read_line(nebius + "instance-id"),
                  .parent_id = read_line(nebius + "parent-id"),
                  .region_name = read_line(nebius + "region-name")};
  // Where OpenStack's documentation ("Config drive") and CoreOS mount it. A drive that nobody has mounted is left
  // alone: then the metadata service is asked.
  for (const std::string_view place : {"mnt/config", "media/configdrive"}) {
    std::string path = base + std::string(place) + "/openstack/latest/meta_data.json";
    hints.config_drive = read_file(path);
    hints.config_drive_path = std::move(path);
    if (!hints.config_drive.empty()) break;
  }
  hints.environment = std::move(environment);
  add_runpod_variables(base + "proc/1/environ", hints.environment);
  return hints;
}

std::string dmi_seen(std::string_view file, std::string_view value) {
  return "DMI: " + std::string(file) + " '" + std::string(value) + "'";
}

}  // namespace mooring::backends
