// Says that this daemon is alive, as long as its loop and its workers are.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/act/clock.h"

namespace mooring::agent::act {

/// With each tick every one of `workers` is given a job that does nothing; where all those of the tick before have come
/// back, `beat` is called. So a loop that hangs, and workers of which none is free for so long, are silent.
///
/// Workers that wait for disks do not belong here: a mkfs takes its time, and what hangs in the kernel is not cured by
/// a restart.
class Heartbeat {
 public:
  /// All on `executor`, on which the workers' answers are told, too.
  Heartbeat(boost::asio::any_io_executor executor, std::vector<boost::asio::any_io_executor> workers,
            std::function<void()> beat);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat();

  /// A tick now, and another after each `interval`.
  void start(Clock::duration interval);
  void tick();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mooring::agent::act
