// Owners for everything that C libraries hand out. Internal: no other header names these libraries.
#pragma once

#include <memory>
#include <utility>

#include <blkid/blkid.h>
#include <dirent.h>
#include <libmount/libmount.h>
#include <libudev.h>
#include <unistd.h>

namespace mooring::mount {

/// A file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int descriptor) : descriptor_(descriptor) {}
  Fd(Fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.descriptor_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  /// The descriptor, which is the caller's to close from now on.
  int release() { return std::exchange(descriptor_, -1); }
  void reset(int descriptor = -1) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
  }

 private:
  int descriptor_ = -1;
};

template <auto release>
struct Deleter {
  template <class T>
  void operator()(T* handle) const {
    release(handle);
  }
};

using Directory = std::unique_ptr<DIR, Deleter<closedir>>;
using MountContext = std::unique_ptr<libmnt_context, Deleter<mnt_free_context>>;
using MountTableHandle = std::unique_ptr<libmnt_table, Deleter<mnt_unref_table>>;
using MountIterator = std::unique_ptr<libmnt_iter, Deleter<mnt_free_iter>>;
using BlkidProbe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, Deleter<blkid_free_probe>>;
using Udev = std::unique_ptr<udev, Deleter<udev_unref>>;
using UdevMonitor = std::unique_ptr<udev_monitor, Deleter<udev_monitor_unref>>;
using UdevDevice = std::unique_ptr<udev_device, Deleter<udev_device_unref>>;

}  // namespace mooring::mount
