#include "agent/ctl/server_events.h"

#include <cstddef>
#include <utility>

namespace mooring::agent::ctl {
namespace {

constexpr std::size_t kLongestLine = 1U << 20U;  // moord's have some hundred bytes

}  // namespace

std::vector<ServerEvent> EventReader::feed(std::string_view part) {
  std::vector<ServerEvent> complete;
  rest_ += part;
  std::size_t begin = 0;
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
    std::string_view line = std::string_view(rest_).substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    take_line(line, complete);
    begin = end + 1;
  }
  rest_.erase(0, begin);
  // A line without an end is not to fill the memory.
  if (rest_.size() > kLongestLine) rest_.clear();
  return complete;
}

void EventReader::take_line(std::string_view line, std::vector<ServerEvent>& complete) {
  if (line.empty()) {
    const std::string id = next_.id;
    if (!next_.data.empty()) complete.push_back(std::move(next_));
    next_ = {};
    next_.id = id;  // stands until another one comes
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "id") next_.id = value;
  if (field == "event") next_.type = value;
  if (field != "data" || next_.data.size() + value.size() > kLongestLine) return;
  if (!next_.data.empty()) next_.data += '\n';
  next_.data += value;
}

}  // namespace mooring::agent::ctl
