// The small text files and directories by which the kernel tells about itself (/proc, /sys). Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mount/error.h"

namespace mooring::mount {

/// The content, as it is; empty optional when it cannot be read. At most `limit` bytes.
std::optional<std::string> read_file(const std::string& path, std::size_t limit = 1 << 16);

/// The content without white space and NULs around it.
std::optional<std::string> read_attribute(const std::string& path);

/// Names in a directory, without `.` and `..`, sorted; none when it does not exist (ENOENT, or ESRCH for a process that
/// has ended). Errors: system, so that a proof never takes "cannot be read" for "holds nothing".
Result<std::vector<std::string>> names_in(const std::string& directory);

/// What a symbolic link says; empty when it is none.
std::string link_target(const std::string& path);

bool exists(const std::string& path);

/// /sys/dev/block/7:0
std::string sysfs_directory(std::uint32_t major, std::uint32_t minor);

/// The kernel's name of a block device, as /sys writes it (`loop0`, `cciss!c0d0p1`); empty: no such device.
std::string kernel_name(std::uint32_t major, std::uint32_t minor);

/// Parses "7:0"; empty when it is something else.
std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_device_number(std::string_view text);

std::string_view trimmed(std::string_view text);

}  // namespace mooring::mount
