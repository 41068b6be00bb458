#include "machine.h"

#include <algorithm>

namespace mooring::sim {

void Machine::plug(const std::string& volume, std::uint64_t size) {
  if (disk_of(volume)) return;
  // The number of a disk that has gone is given to the next one, as kernels do.
  // That of a disk that was pulled while it was mounted is still taken.
  const auto is_taken = [this](std::uint32_t minor) {
    return std::ranges::any_of(disks_, [minor](const Disk& disk) { return disk.device.minor == minor; }) ||
           std::ranges::any_of(staged, [minor](const auto& one) { return one.second.entry.minor == minor; });
  };
  std::uint32_t minor = 0;
  while (is_taken(minor)) minor += 16;
  Disk disk{.device = {}, .volume = volume};
  disk.device = {.path = "/dev/sim" + std::string(1, static_cast<char>('a' + minor / 16)),
                 .major = 8,
                 .minor = minor,
                 .size = size,
                 .sequence = ++sequence_};
  world_.trace(name(), " kernel: ", disk.device.path, " is ", volume);
  disks_.push_back(std::move(disk));
  if (listener_) listener_();
}

void Machine::unplug(const std::string& volume) {
  const auto disk = std::ranges::find(disks_, volume, &Disk::volume);
  if (disk == disks_.end()) return;
  world_.trace(name(), " kernel: ", disk->device.path, " has gone");
  for (auto& [target, staged_there] : staged) {
    if (staged_there.volume != volume) continue;
    staged_there.dead = true;
    staged_there.entry.device_gone = true;
  }
  disks_.erase(disk);
  if (listener_) listener_();
}

const Disk* Machine::disk_of(const std::string& volume) const {
  const auto found = std::ranges::find(disks_, volume, &Disk::volume);
  return found == disks_.end() ? nullptr : &*found;
}

const Disk* Machine::disk(const mount::Device& device) const {
  const auto found = std::ranges::find_if(disks_, [&device](const Disk& disk) {
    return disk.device.major == device.major && disk.device.minor == device.minor &&
           (device.sequence == 0 || device.sequence == disk.device.sequence);
  });
  return found == disks_.end() ? nullptr : &*found;
}

bool Machine::is_mounted(const std::string& volume) const {
  const auto kept = lazy.find(volume);
  if (kept != lazy.end() && kept->second > 0) return true;
  return std::ranges::any_of(staged, [&](const auto& one) { return one.second.volume == volume && !one.second.dead; });
}

bool Machine::has_users(const std::string& target) const {
  const auto found = users.find(target);
  if (found != users.end() && found->second > 0) return true;
  return std::ranges::any_of(binds, [&target](const auto& bind) { return bind.second == target; });
}

void Machine::reboot() {
  world_.trace(name(), " reboots");
  has_rebooted = true;
  staged.clear();
  binds.clear();
  users.clear();
  lazy.clear();
}

}  // namespace mooring::sim
