// What has to hold, whatever happens.
#pragma once

#include <memory>
#include <vector>

#include "cloud.h"
#include "instance.h"
#include "world.h"

namespace mooring::sim {

class Judge {
 public:
  Judge(World& world, Cloud& cloud, std::vector<std::unique_ptr<Instance>>& instances)
      : world_(world), cloud_(cloud), instances_(instances) {}

  /// After each moment: a volume is written to from one machine; tasks that have come to an end have what they say.
  void look();
  /// Nothing goes wrong any more, and there was time: every goal has ended, and says why it ended so.
  void all_have_ended();
  /// Everything was released, and there was time.
  void all_is_released();
  /// And moord was started once more.
  void nothing_is_left();

 private:
  void look_at(Instance& instance, const agent::act::Task& task, Request& request);
  void has_its_mounts(Instance& instance, const agent::act::Task& task);
  void keeps_what_it_has(Instance& instance, const std::string& id, const Request& request);
  void is_used_by_somebody(Instance& instance, const std::string& target, const Staged& staged);
  void respects_the_order(Instance& instance, const agent::act::Task& task, const Request& request);
  void failed_for_a_reason(Instance& instance, const agent::act::Task& task, const Request& request);
  [[nodiscard]] bool is_plausible(Instance& instance, const agent::decide::Candidate& candidate,
                                  const agent::goal::Mount& mount, const Request& request);
  void is_explained(Instance& instance, const agent::act::Task& task);

  World& world_;
  Cloud& cloud_;
  std::vector<std::unique_ptr<Instance>>& instances_;
};

}  // namespace mooring::sim
