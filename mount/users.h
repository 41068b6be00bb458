// Who still holds a file system (rule 10). Internal; the face's find_users() is in users.cpp too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mount/copies.h"
#include "mount/host.h"

namespace mooring::mount {

/// The id of the container that a process runs in, from its /proc/PID/cgroup; empty: none. Pure.
std::string container_in(std::string_view cgroup);

/// Processes of which something lies on one mount, as mountinfo numbers it, and not merely on its file system.
std::vector<User> users_of_mount(std::uint64_t mount_id);

/// Mounts of the file system as users of it.
std::vector<User> as_users(const std::vector<Copy>& copies);

}  // namespace mooring::mount
