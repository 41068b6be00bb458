// What others have named may be repeated in a message only as far as it cannot forge a line of a log, speak to a
// terminal, or turn the reading order of what stands around it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mooring::text {

/// Bytes of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7: no surrogates, no overlong forms), or 0.
std::size_t sequence_length(std::string_view text, std::size_t at);

/// Bytes of the character at `at` that may be shown as it is; 0: not UTF-8, a control character (C0, DEL, C1), a line
/// or paragraph separator, or one that changes the direction of what follows (Unicode UAX #9, table 4).
std::size_t printable_length(std::string_view text, std::size_t at);

/// Whether all of it may be shown as it is.
bool is_printable(std::string_view text);

/// With what is not printable, and the backslash itself, as \\xNN.
std::string harmless(std::string_view text);

}  // namespace mooring::text
