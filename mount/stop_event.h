// A stop_token that poll(2) can wait for. Internal.
#pragma once

#include <cstdint>
#include <stop_token>

#include <sys/eventfd.h>
#include <unistd.h>

#include "mount/handles.h"

namespace mooring::mount {

class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop)
      : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), callback_(std::move(stop), Signal{event_.get()}) {}

  /// Readable once a stop was requested, and from then on. -1 if the system had none to give.
  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  struct Signal {
    int event;
    void operator()() const {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);
    }
  };
  Fd event_;  // outlives the callback, which is declared after it
  std::stop_callback<Signal> callback_;
};

}  // namespace mooring::mount
