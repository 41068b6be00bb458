// Small text files of somebody else: tokens, configuration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "backends/error.h"

namespace mooring::backends::aws::blocking {

enum class Unreadable { is_error, is_absent };

/// Empty: there is no such file, or with is_absent, it cannot be read. Errors: denied, if it cannot be read, is no
/// regular file, or is larger than `limit` bytes, and in any case if others can change it (trust/trusted_path.h); the
/// message names it. Blocks.
Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t limit,
                                                   Unreadable unreadable = Unreadable::is_error);

/// Of the user we run as, by the user database: services of systemd have no HOME. Empty: none. Blocks.
std::string home_directory();

}  // namespace mooring::backends::aws::blocking
