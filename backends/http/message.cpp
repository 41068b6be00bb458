#include "backends/http/message.h"

#include <algorithm>

#include "backends/http/text.h"

namespace mooring::backends::http {

const std::string* find_header(const Headers& headers, std::string_view name) {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return same_word(header.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

std::string_view Response::header(std::string_view name) const {
  const std::string* value = find_header(headers, name);
  return value == nullptr ? std::string_view{} : std::string_view{*value};
}

}  // namespace mooring::backends::http
