// An instance: its devices, mounts and processes. It outlives moord, and, but for its disks, not a reboot.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/state/ledger.h"
#include "backends/identity.h"
#include "cloud.h"
#include "mount/host.h"
#include "world.h"

namespace mooring::sim {

struct Disk {
  mount::Device device;
  std::string volume;
};

struct Staged {
  std::string volume;  // that is really mounted there
  mount::MountEntry entry;
  bool dead = false;  // its device was pulled
};

class Machine {
 public:
  Machine(World& world, Cloud& cloud, backends::Identity identity)
      : world_(world), cloud_(cloud), identity_(std::move(identity)) {}

  [[nodiscard]] const backends::Identity& identity() const { return identity_; }
  [[nodiscard]] const std::string& name() const { return identity_.instance_id; }
  World& world() { return world_; }
  Cloud& cloud() { return cloud_; }

  void plug(const std::string& volume, std::uint64_t size);
  void unplug(const std::string& volume);
  [[nodiscard]] const Disk* disk_of(const std::string& volume) const;
  [[nodiscard]] const Disk* disk(const mount::Device& device) const;
  /// In any way: staged, or still held by a process after a forced unmount.
  [[nodiscard]] bool is_mounted(const std::string& volume) const;
  [[nodiscard]] bool has_users(const std::string& target) const;
  /// Everything but the disks is gone.
  void reboot();
  /// Told when a device comes or goes.
  void on_devices(std::function<void()> listener) { listener_ = std::move(listener); }

  std::map<std::string, Staged> staged;      // by target
  std::map<std::string, std::string> binds;  // host path → source
  std::set<std::string> prepared;            // host paths with our mark
  std::map<std::string, int> users;          // by target: processes that use the file system there
  std::map<std::string, int> lazy;           // by volume: processes that kept it over a forced unmount
  std::map<std::string, std::set<std::string>> format_permitted;  // by volume: tasks whose goal permits it
  // What is on disk in the ledger.
  std::set<std::string> recorded;  // volumes that are ours to take away
  bool crash_wanted = false;       // moord dies before its next step
  bool has_rebooted = false;

 private:
  World& world_;
  Cloud& cloud_;
  const backends::Identity identity_;
  std::vector<Disk> disks_;
  std::uint32_t next_minor_ = 0;
  std::uint64_t sequence_ = 0;
  std::function<void()> listener_;
};

}  // namespace mooring::sim
