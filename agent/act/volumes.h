// All volumes of this instance, by name: a name is a place below mount_root, so there is one of each.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/act/volume.h"

namespace mooring::agent::act {

class Volumes {
 public:
  explicit Volumes(Services& services) : services_(services), ended_(services.executor) {}

  /// The volume of this name; a new one that is not here yet, if there is none.
  std::shared_ptr<Volume> get(const std::string& name);
  [[nodiscard]] std::shared_ptr<Volume> find(const std::string& name) const;

  /// At start: as the ledger has it.
  void add(const state::VolumeRecord& record);
  /// At start, when every task has claimed what it had: releases what nobody wants any more.
  void release_unclaimed();

  [[nodiscard]] const std::map<std::string, std::shared_ptr<Volume>>& all() const { return volumes_; }

  /// Another volume, of another name, that is here and is the same disk; nullptr: none.
  [[nodiscard]] const Volume* with_disk_of(const Volume& volume) const;

  /// Notified when a volume is ready, failed, blocked or gone.
  Signal& ended() { return ended_; }

 private:
  void drop_gone();

  Services& services_;
  std::map<std::string, std::shared_ptr<Volume>> volumes_;
  Signal ended_;
};

}  // namespace mooring::agent::act
