// Small text files of somebody else: tokens, configuration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "backends/error.h"

namespace mooring::backends::aws::blocking {

/// Empty: there is no such file. Errors: denied, if it is there and cannot be read, is no regular file, or is larger
/// than `limit` bytes; the message names it. Blocks.
Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t limit);

/// Of the user we run as, by the user database: services of systemd have no HOME. Empty: none. Blocks.
std::string home_directory();

}  // namespace mooring::backends::aws::blocking
