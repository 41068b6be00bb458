#include "backends/aws/quote.h"

#include "text/printable.h"

namespace mooring::backends::aws {
namespace {

constexpr std::size_t kLongest = 300;
constexpr std::size_t kShortestSecret = 4;  // shorter ones would be found everywhere

}  // namespace

std::string quote(std::string_view text, const std::vector<std::string_view>& secrets) {
  std::string result(text);
  for (const std::string_view secret : secrets) {
    if (secret.size() < kShortestSecret) continue;
    for (auto at = result.find(secret); at != std::string::npos; at = result.find(secret, at))
      result.replace(at, secret.size(), "***");
  }
  for (std::size_t at = 0; at < result.size();) {
    const std::size_t length = text::printable_length(result, at);
    if (length == 0) result[at] = ' ';
    at += length == 0 ? 1 : length;
  }
  if (result.size() <= kLongest) return result;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(result[end]) & 0xC0U) == 0x80U) --end;  // between two characters
  return result.substr(0, end) + "…";
}

}  // namespace mooring::backends::aws
