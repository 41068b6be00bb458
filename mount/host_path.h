// Which directories of the host a volume may be mounted on (rule 17). Internal; pure.
#pragma once

#include <string>
#include <string_view>

#include "mount/error.h"

namespace mooring::mount {

/// Whether `path` is `directory` or below it; both normal.
bool is_in(std::string_view path, std::string_view directory);

/// The path, normal, if it is not `/`, a system directory, or below one that belongs wholly to the system. Error:
/// unsafe_path.
Result<std::string> allowed_host_path(const std::string& path);

/// The same for a directory that a task binds: not `/`, and nothing of the system's. Error: unsafe_path.
Result<std::string> allowed_instance_path(const std::string& path);

/// Whether such a directory, open to all, may be made where it is missing. Not below those of services and users, who
/// believe what they find there: udev its rules, systemd its units, cron its tables. Error: not_found.
Result<void> may_be_made(const std::string& path);

}  // namespace mooring::mount
