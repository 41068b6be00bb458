// What is known of where the output goes.
#pragma once

#include <cstddef>

namespace mooring::agent::ctl {

struct Terminal {
  bool out = false;  // standard output is a terminal that can move its cursor
  bool out_colour = false;
  bool err_colour = false;
  std::size_t width = 80;
  std::size_t height = 24;
};

/// Asks the terminal and the environment: NO_COLOR (no-color.org), TERM.
Terminal look_at_terminal();

}  // namespace mooring::agent::ctl
