// The one clock of the agent.
#pragma once

#include <chrono>
#include <cstdint>

#include <boost/asio/basic_waitable_timer.hpp>

namespace mooring::agent::act {

using Clock = std::chrono::steady_clock;
using Timer = boost::asio::basic_waitable_timer<Clock>;

/// Milliseconds since 1970, for people and records; never for measuring.
inline std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace mooring::agent::act
