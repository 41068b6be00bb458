#include "agent/goal/words.h"

#include <algorithm>
#include <array>

#include "text/printable.h"

namespace mooring::agent::goal {
namespace {

constexpr std::size_t kLongestQuote = 100;  // bytes of a text repeated in a message
constexpr std::size_t kLongestList = 20;

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

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
    const std::size_t length = std::max<std::size_t>(text::sequence_length(text, at), 1);
    if (at + length > longest) return out + "…";
    if (text::printable_length(text, at) > 0) {
      out += text.substr(at, length);
    } else {
      for (std::size_t i = 0; i < length; ++i) append_escaped(out, byte_at(text, at + i));
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
    const std::size_t length = text::sequence_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::size_t first_control(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::max<std::size_t>(text::sequence_length(text, at), 1);
    if (is_control(text, at, length)) return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace mooring::agent::goal
