#include "agent/ctl/terminal.h"

#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace mooring::agent::ctl {

Terminal look_at_terminal() {
  Terminal terminal;
  const char* term = getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term).empty() || std::string_view(term) == "dumb";
  const char* no_colour = getenv("NO_COLOR");
  const bool colour = !dumb && (no_colour == nullptr || *no_colour == '\0');
  terminal.out = !dumb && isatty(STDOUT_FILENO) == 1;
  terminal.out_colour = colour && isatty(STDOUT_FILENO) == 1;
  terminal.err_colour = colour && isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (!terminal.out || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return terminal;
  if (size.ws_col > 0) terminal.width = size.ws_col;
  if (size.ws_row > 0) terminal.height = size.ws_row;
  return terminal;
}

}  // namespace mooring::agent::ctl
