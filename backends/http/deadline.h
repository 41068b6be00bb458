// Points in time that limits lead to.
#pragma once

#include <algorithm>
#include <chrono>

namespace mooring::backends::http {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

/// From now on. Between nothing and a year, so that no limit is too large to be added to a time.
inline Time after(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kYear = std::chrono::hours(24 * 365);
  return Clock::now() + std::clamp(limit, std::chrono::milliseconds(0), kYear);
}

}  // namespace mooring::backends::http
