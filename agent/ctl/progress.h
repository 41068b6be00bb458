// Lines that are rewritten in place on a terminal.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace mooring::agent::ctl {

/// Brings a terminal that shows `shown` lines above the cursor to show `lines` there. Pure.
std::string redraw(const std::vector<std::string>& lines, std::size_t shown);

/// At most `height` lines: of those that are too many the last one says how many there are.
std::vector<std::string> fitted(std::vector<std::string> lines, std::size_t height);

class Progress {
 public:
  explicit Progress(std::ostream& out) : out_(out) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The lines must be no wider than the terminal, and fewer than it has.
  void show(const std::vector<std::string>& lines);
  void clear();

 private:
  std::ostream& out_;
  std::size_t shown_ = 0;
};

}  // namespace mooring::agent::ctl
