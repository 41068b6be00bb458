// When to ask a provider about what takes its time: seldom, and less and less often, because the kernel tells what
// matters.
#pragma once

#include <algorithm>

#include "agent/act/clock.h"

namespace mooring::agent::act {

class Pace {
 public:
  /// The first time is due after `first`, the following after waits that grow by half.
  explicit Pace(Clock::duration first) : wait_(first), next_(Clock::now() + first) {}

  [[nodiscard]] bool due() const { return Clock::now() >= next_; }
  [[nodiscard]] Clock::time_point next() const { return next_; }
  void asked() {
    constexpr Clock::duration kLongest = std::chrono::seconds(15);
    wait_ = std::min(wait_ * 3 / 2, kLongest);
    next_ = Clock::now() + wait_;
  }

 private:
  Clock::duration wait_;
  Clock::time_point next_;
};

}  // namespace mooring::agent::act
