#include "agent/ctl/progress.h"

#include <algorithm>

namespace mooring::agent::ctl {

std::string redraw(const std::vector<std::string>& lines, std::size_t shown) {
  std::string out;
  if (shown > 0) out += "\033[" + std::to_string(shown) + "A\r";
  for (const std::string& line : lines) out += line + "\033[K\n";
  if (shown > lines.size()) out += "\033[J";
  return out;
}

std::vector<std::string> fitted(std::vector<std::string> lines, std::size_t height) {
  height = std::max<std::size_t>(height, 1);
  if (lines.size() <= height) return lines;
  const std::size_t hidden = lines.size() - (height - 1);
  lines.resize(height - 1);
  lines.push_back("… and " + std::to_string(hidden) + " more");
  return lines;
}

void Progress::show(const std::vector<std::string>& lines) {
  out_ << redraw(lines, shown_) << std::flush;
  shown_ = lines.size();
}

void Progress::clear() {
  if (shown_ > 0) show({});
}

}  // namespace mooring::agent::ctl
