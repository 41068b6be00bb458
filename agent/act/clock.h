// The one clock of the agent.
#pragma once

#include <chrono>
#include <cstdint>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>

namespace mooring::agent::act {

/// The steady clock; or, in a simulation, the one that the simulation winds.
class Clock {
 public:
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;

  /// Time that does not pass by itself.
  class Simulated {
   public:
    Simulated() = default;
    Simulated(const Simulated&) = delete;
    Simulated& operator=(const Simulated&) = delete;
    virtual ~Simulated() = default;

    [[nodiscard]] virtual time_point now() const = 0;
    /// Somebody waits until then, or less long.
    virtual void is_awaited(time_point moment) = 0;
  };

  static time_point now() { return simulated_ ? simulated_->now() : std::chrono::steady_clock::now(); }
  static void is_awaited(time_point moment) {
    if (simulated_) simulated_->is_awaited(moment);
  }
  /// nullptr: time passes by itself again. Not while other threads ask.
  static void simulate(Simulated* simulated) { simulated_ = simulated; }
  [[nodiscard]] static bool is_simulated() { return simulated_ != nullptr; }

 private:
  static inline Simulated* simulated_ = nullptr;
};

/// How long Asio has to wait for a moment: simulated time does not come by waiting.
struct Wait {
  static Clock::duration to_wait_duration(Clock::duration left) {
    return Clock::is_simulated() ? std::chrono::hours(24) : left;
  }
  static Clock::duration to_wait_duration(Clock::time_point moment) {
    if (Clock::is_simulated()) return std::chrono::hours(24);
    return boost::asio::wait_traits<std::chrono::steady_clock>::to_wait_duration(moment);
  }
};

using Timer = boost::asio::basic_waitable_timer<Clock, Wait>;

/// Milliseconds since 1970, for people and records; never for measuring.
inline std::int64_t wall_clock() {
  const auto since =
      Clock::is_simulated() ? Clock::now().time_since_epoch() : std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

inline double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace mooring::agent::act
