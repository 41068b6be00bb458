// Owners for everything that C libraries hand out. Internal: no other header names these libraries.
#pragma once

#include <memory>
#include <type_traits>

#include <blkid/blkid.h>
#include <dirent.h>
#include <libmount/libmount.h>
#include <libudev.h>

#include "posix/file_descriptor.h"

namespace mooring::mount {

using Fd = posix::FileDescriptor;

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
