#include "mount/error.h"

#include <cstring>
#include <utility>

namespace mooring::mount {

Error system_error(std::string what, int error_number, Errc code) {
  char text[256] = "";
  // The GNU form, which may return a string of its own instead of filling the buffer (strerror_r(3)).
  what += ": ";
  what += strerror_r(error_number, text, sizeof text);
  return Error{code, std::move(what), error_number};
}

}  // namespace mooring::mount
