// What a system call has refused, as the error of an attach.
#pragma once

#include <string>
#include <system_error>

#include "backends/error.h"

namespace mooring::backends::local {

inline Error failed(const std::string& what, int error) {
  return {Errc::attach_failed, what + ": " + std::generic_category().message(error), {}};
}

}  // namespace mooring::backends::local
