// Tells that a block device came, went or changed: from udevd where it runs, else from the kernel itself.
#pragma once

#include <memory>

#include "mount/error.h"

namespace mooring::mount {

class DeviceEvents {
 public:
  /// Listens from now on. Does not block. Errors: system.
  static Result<DeviceEvents> open();

  DeviceEvents(DeviceEvents&&) noexcept;
  DeviceEvents& operator=(DeviceEvents&&) noexcept;
  ~DeviceEvents();

  /// Readable when something happened. Owned by this object.
  [[nodiscard]] int descriptor() const;

  /// Takes all that is waiting, without blocking. True if a block device was among it, or if the kernel dropped
  /// messages (then anything may have happened).
  bool drain();

 private:
  struct Monitor;
  explicit DeviceEvents(std::unique_ptr<Monitor> monitor);
  std::unique_ptr<Monitor> monitor_;
};

}  // namespace mooring::mount
