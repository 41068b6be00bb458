// Words for messages, and what a text may hold. For agent/goal, and for agent/ctl, which quotes what it was given.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::agent::goal {

inline constexpr std::size_t kMaxText = 16U << 20U;  // bytes of one input; a task with 10,000 mounts has about 1 MB
inline constexpr int kMaxDepth = 32;                 // of mappings and lists in one another
inline constexpr std::size_t kMaxName = 128;         // characters of a volume's or task's name
inline constexpr std::size_t kMaxPath = 4096;        // bytes; PATH_MAX of linux/limits.h
inline constexpr std::size_t kMaxPathPart = 255;     // bytes between two slashes; NAME_MAX of linux/limits.h

/// 'text', with control characters, those of direction, and broken UTF-8 escaped and a long one cut: what was read must
/// not write to the terminal or the log of whoever reads the message.
std::string in_quotes(std::string_view text);
/// The same, without quotes and uncut.
std::string printable(std::string_view text);

/// a, b and c; of many only the first 20.
std::string enumerate(const std::vector<std::string>& words, std::string_view conjunction);

/// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

/// The offset of the first byte that is not UTF-8 (RFC 3629: no surrogates, no overlong forms), or npos.
std::size_t first_invalid_utf8(std::string_view text);
/// The offset of the first control character, C0, DEL or C1, in valid UTF-8, or npos.
std::size_t first_control(std::string_view text);

}  // namespace mooring::agent::goal
