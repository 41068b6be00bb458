#include "backends/aws/quote.h"

namespace mooring::backends::aws {
namespace {

constexpr std::size_t kLongest = 300;
constexpr std::size_t kShortestSecret = 4;  // shorter ones would be found everywhere

/// Bytes of the character at `at` that may be shown; 0: a control character, or not UTF-8 (RFC 3629).
std::size_t printable_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned lead = byte(at);
  if (lead < 0x80U) return lead < 0x20U || lead == 0x7FU ? 0 : 1;
  if (lead < 0xC2U || lead > 0xF4U) return 0;
  const std::size_t length = lead < 0xE0U ? 2 : lead < 0xF0U ? 3 : 4;
  if (text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0U) != 0x80U) return 0;
  const unsigned second = byte(at + 1);
  const bool overlong = (lead == 0xE0U && second < 0xA0U) || (lead == 0xF0U && second < 0x90U);
  const bool no_character = (lead == 0xEDU && second > 0x9FU) || (lead == 0xF4U && second > 0x8FU);
  const bool c1 = lead == 0xC2U && second < 0xA0U;
  return overlong || no_character || c1 ? 0 : length;
}

}  // namespace

std::string quote(std::string_view text, const std::vector<std::string_view>& secrets) {
  std::string result(text);
  for (const std::string_view secret : secrets) {
    if (secret.size() < kShortestSecret) continue;
    for (auto at = result.find(secret); at != std::string::npos; at = result.find(secret, at))
      result.replace(at, secret.size(), "***");
  }
  for (std::size_t at = 0; at < result.size();) {
    const std::size_t length = printable_length(result, at);
    if (length == 0) result[at] = ' ';
    at += length == 0 ? 1 : length;
  }
  if (result.size() <= kLongest) return result;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(result[end]) & 0xC0U) == 0x80U) --end;  // between two characters
  return result.substr(0, end) + "…";
}

}  // namespace mooring::backends::aws
