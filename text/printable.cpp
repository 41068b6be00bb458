#include "text/printable.h"

#include <algorithm>
#include <array>

namespace mooring::text {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array<Range, 6> kNotShown{{{0x0000, 0x001F},    // C0
                                          {0x007F, 0x009F},    // DEL, C1
                                          {0x061C, 0x061C},    // Arabic letter mark
                                          {0x200E, 0x200F},    // left-to-right mark, right-to-left mark
                                          {0x2028, 0x202E},    // separators, embeddings, overrides
                                          {0x2066, 0x2069}}};  // isolates

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

char32_t decoded(std::string_view text, std::size_t at, std::size_t length) {
  constexpr std::array<unsigned, 5> kLeadBits{0, 0x7FU, 0x1FU, 0x0FU, 0x07U};
  char32_t code = byte_at(text, at) & kLeadBits[length];
  for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (byte_at(text, at + i) & 0x3FU);
  return code;
}

}  // namespace

std::size_t sequence_length(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80U) return 1;
  if (lead < 0xC2U || lead > 0xF4U) return 0;
  const std::size_t length = lead < 0xE0U ? 2U : lead < 0xF0U ? 3U : 4U;
  if (text.size() - at < length) return 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead == 0xE0U) low = 0xA0;
  if (lead == 0xEDU) high = 0x9F;
  if (lead == 0xF0U) low = 0x90;
  if (lead == 0xF4U) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = byte_at(text, at + i);
    if (next < low || next > high) return 0;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

std::size_t printable_length(std::string_view text, std::size_t at) {
  const std::size_t length = sequence_length(text, at);
  if (length == 0) return 0;
  const char32_t code = decoded(text, at, length);
  const bool shown =
      std::ranges::none_of(kNotShown, [code](const Range& range) { return range.first <= code && code <= range.last; });
  return shown ? length : 0;
}

bool is_printable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = printable_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string harmless(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text[at] == '\\' ? 0 : printable_length(text, at);
    if (length > 0) {
      safe += text.substr(at, length);
      at += length;
    } else {
      const unsigned byte = byte_at(text, at++);
      safe += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return safe;
}

}  // namespace mooring::text
