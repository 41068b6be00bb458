// Which directories of the host a volume may be mounted on (rule 17). Internal; pure.
#pragma once

#include <string>

#include "mount/error.h"

namespace mooring::mount {

/// The path, normal, if it is not `/`, a system directory, or below one that belongs wholly to the system. Error:
/// unsafe_path.
Result<std::string> allowed_host_path(const std::string& path);

/// The same for a directory that a task binds: not `/`, and nothing of the system's. Error: unsafe_path.
Result<std::string> allowed_instance_path(const std::string& path);

}  // namespace mooring::mount
