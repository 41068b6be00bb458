// What EC2 says of a volume, as an answer to the agent. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/aws/ec2_answers.h"
#include "backends/error.h"
#include "backends/identity.h"
#include "backends/volume.h"

namespace mooring::backends::aws {

/// The volume that a name means: the only one, or the only one of this zone.
/// Errors: not_found, also when it is not clear which of several is meant.
Result<VolumeAnswer> pick(const std::string& name, const std::vector<VolumeAnswer>& volumes, const Identity& here);

/// Errors: not_found (it is being deleted), not_ready (creating, or broken).
Result<Description> describe(Volume volume, const VolumeAnswer& answer, const Identity& here);

/// How the disk will look. On Nitro instances it tells its volume id as its serial number; on Xen instances it tells
/// nothing, and is known by its name alone once it is attached (`device`; empty: it is not). Empty: not known yet.
/// (Amazon EC2 User Guide, "Map Amazon EBS volumes to NVMe device names", "Device names for volumes".)
std::optional<Look> look_of(std::string_view id, std::uint64_t size, std::string_view device, const Identity& here);

/// The attachment to this instance; nullptr: there is none.
const VolumeAttachment* attachment_here(const VolumeAnswer& answer, const Identity& here);

/// "vol-" and hexadecimal digits.
bool is_volume_id(std::string_view text);

}  // namespace mooring::backends::aws
