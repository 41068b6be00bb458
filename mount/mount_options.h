// Which mount options a user may give (rule 16). Internal; pure.
#pragma once

#include <string>
#include <vector>

#include "mount/error.h"

namespace mooring::mount {

/// The option string for a mount of `fs`: nodev,nosuid first, always; then the user's, each allowed for that file
/// system; `ro` when asked for. Error: invalid_option naming the option and those that are allowed.
Result<std::string> mount_options(const std::string& fs, const std::vector<std::string>& wanted, bool read_only);

}  // namespace mooring::mount
