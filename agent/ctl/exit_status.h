// What moorctl's exit status says; the numbers are part of its interface.
#pragma once

namespace mooring::agent::ctl {

struct Exit {
  static constexpr int kReady = 0;
  static constexpr int kFailed = 1;
  static constexpr int kInvalid = 2;  // usage, or input that is not valid
  static constexpr int kUnreachable = 3;
  static constexpr int kTimedOut = 4;  // the goal stands
  static constexpr int kDegraded = 5;  // with --strict
  static constexpr int kSignal = 128;  // plus the number of the signal that ended the wait
};

}  // namespace mooring::agent::ctl
