#include "mount/device_events.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include "mount/handles.h"
#include "mount/kernel_files.h"

namespace mooring::mount {

struct DeviceEvents::Monitor {
  Udev udev;
  UdevMonitor monitor;
};

DeviceEvents::DeviceEvents(std::unique_ptr<Monitor> monitor) : monitor_(std::move(monitor)) {}
DeviceEvents::DeviceEvents(DeviceEvents&&) noexcept = default;
DeviceEvents& DeviceEvents::operator=(DeviceEvents&&) noexcept = default;
DeviceEvents::~DeviceEvents() = default;

Result<DeviceEvents> DeviceEvents::open() {
  auto monitor = std::make_unique<Monitor>();
  monitor->udev.reset(udev_new());
  if (!monitor->udev) return system_error("cannot use libudev", errno);
  // udevd's own messages come after its rules have run, when the links are in place; without udevd only the kernel
  // speaks.
  const char* source = exists("/run/udev/control") ? "udev" : "kernel";
  monitor->monitor.reset(udev_monitor_new_from_netlink(monitor->udev.get(), source));
  if (!monitor->monitor) return system_error("cannot listen for device events", errno);
  udev_monitor* listener = monitor->monitor.get();
  if (const int failed = udev_monitor_filter_add_match_subsystem_devtype(listener, "block", nullptr); failed < 0) {
    return system_error("cannot filter device events", -failed);
  }
  // 64 disks at once are some hundred messages. Not allowed to raise it: the default, and drain() notices a loss.
  udev_monitor_set_receive_buffer_size(listener, 4 * 1024 * 1024);
  if (const int failed = udev_monitor_enable_receiving(listener); failed < 0) {
    return system_error("cannot listen for device events", -failed);
  }
  return DeviceEvents(std::move(monitor));
}

int DeviceEvents::descriptor() const { return udev_monitor_get_fd(monitor_->monitor.get()); }

bool DeviceEvents::drain() {
  bool relevant = false;
  for (;;) {
    errno = 0;
    const UdevDevice device(udev_monitor_receive_device(monitor_->monitor.get()));
    if (device) {
      const char* subsystem = udev_device_get_subsystem(device.get());
      relevant = relevant || (subsystem != nullptr && std::string_view(subsystem) == "block");
      continue;
    }
    if (errno == ENOBUFS) {  // the kernel dropped messages (netlink(7))
      relevant = true;
      continue;
    }
    if (errno != EINTR) return relevant;
  }
}

}  // namespace mooring::mount
