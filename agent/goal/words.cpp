#include "agent/goal/words.h"

#include <algorithm>
#include <array>

namespace mooring::agent::goal {
namespace {

constexpr std::size_t kLongestQuote = 100;  // bytes of a text repeated in a message
constexpr std::size_t kLongestList = 20;

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// Length of the well-formed UTF-8 sequence at `at`, or 0 (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const unsigned char lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : 4U;
  if (text.size() - at < length) return 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned char next = byte_at(text, at + i);
    if (next < low || next > high) return 0;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

bool is_control(std::string_view text, std::size_t at, std::size_t length) {
  const unsigned char first = byte_at(text, at);
  if (length == 1) return first < 0x20 || first == 0x7F;
  return length == 2 && first == 0xC2 && byte_at(text, at + 1) < 0xA0;  // C1: U+0080 to U+009F
}

void append_escaped(std::string& out, unsigned char byte) {
  if (byte == '\n') {
    out += "\\n";
  } else if (byte == '\r') {
    out += "\\r";
  } else if (byte == '\t') {
    out += "\\t";
  } else {
    constexpr std::array<char, 17> kDigits{"0123456789abcdef"};
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xFU];
  }
}

std::string escaped(std::string_view text, std::size_t longest) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (at + std::max<std::size_t>(length, 1) > longest) return out + "…";
    if (length == 0) {
      append_escaped(out, byte_at(text, at++));
      continue;
    }
    if (is_control(text, at, length)) {
      for (std::size_t i = 0; i < length; ++i) append_escaped(out, byte_at(text, at + i));
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return out;
}

}  // namespace

std::string in_quotes(std::string_view text) { return "'" + escaped(text, kLongestQuote) + "'"; }

std::string printable(std::string_view text) { return escaped(text, text.size()); }

std::string enumerate(const std::vector<std::string>& words, std::string_view conjunction) {
  std::string out;
  const std::size_t shown = std::min(words.size(), kLongestList);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) {
      const bool last = i + 1 == words.size();
      out += last && !conjunction.empty() ? " " + std::string(conjunction) + " " : ", ";
    }
    out += words[i];
  }
  if (shown < words.size()) out += ", … (" + std::to_string(words.size()) + " in all)";
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::size_t first_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::size_t first_control(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::max<std::size_t>(sequence_length(text, at), 1);
    if (is_control(text, at, length)) return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace mooring::agent::goal
