// The process's environment as a plain value, read once in main: so that nothing else depends on what a shell has set.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mooring::backends {

using Environment = std::map<std::string, std::string, std::less<>>;

/// The value of a variable; empty: not set, or set to nothing.
inline std::string_view variable(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string_view{} : std::string_view{found->second};
}

/// environ(7) as it is now.
Environment process_environment();

}  // namespace mooring::backends
