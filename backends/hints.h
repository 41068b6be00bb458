// What a machine says of itself without network: DMI, the hypervisor, files that a cloud puts there, the environment.
// Read once, then plain values: whoever looks at them is pure.
#pragma once

#include <string>
#include <string_view>

#include "backends/environment.h"

namespace mooring::backends {

/// Files below <root>/sys/class/dmi/id/ (Documentation/ABI/testing/sysfs-class-dmi of the kernel), without the white
/// space around them; empty: not there, or not readable (product_uuid and the serials are for root only).
struct Dmi {
  std::string sys_vendor;
  std::string product_name;
  std::string product_serial;
  std::string product_uuid;
  std::string chassis_asset_tag;
  std::string bios_vendor;
  std::string bios_version;
};

/// Files below <root>/mnt/cloud-metadata (Nebius documentation, "Metadata service on virtual machines"). Its token is
/// not read.
struct NebiusFiles {
  std::string instance_id;
  std::string parent_id;
  std::string region_name;
};

struct Hints {
  Dmi dmi;
  std::string hypervisor_type;  // <root>/sys/hypervisor/type: "xen"
  std::string hypervisor_uuid;
  NebiusFiles nebius;
  std::string config_drive;  // meta_data.json of OpenStack's config drive, where somebody has mounted it
  std::string config_drive_path;
  Environment environment;  // ours; and of RunPod's variables, those of process 1 where ours lacks them
};

/// Reads a few small files, and nothing of a device. Does not fail: what cannot be read is empty.
Hints read_hints(const std::string& root, Environment environment);

/// Of a hint that was seen, for people: "DMI: sys_vendor 'Amazon EC2'".
std::string dmi_seen(std::string_view file, std::string_view value);

}  // namespace mooring::backends
