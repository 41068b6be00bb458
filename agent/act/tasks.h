// All tasks: takes goals in, gives them back, brings them over a restart.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "agent/act/task.h"

namespace mooring::agent::act {

class Tasks {
 public:
  explicit Tasks(Task::World& world) : world_(world) {}

  /// Everything of an earlier run goes on; `host` gets the goal of the configuration. Volumes that nobody wants any
  /// more are released. To be called once.
  void restore(const state::Snapshot& snapshot, std::vector<goal::Mount> host_mounts);

  enum class Refusal { other_goal, being_released };
  /// The task with this goal: a new one, the same one, or, if it had failed, the same one trying again.
  std::variant<std::shared_ptr<Task>, Refusal> put(const std::string& id, const goal::TaskGoal& goal);

  [[nodiscard]] std::shared_ptr<Task> find(const std::string& id) const;
  [[nodiscard]] const std::map<std::string, std::shared_ptr<Task>>& all() const { return tasks_; }

 private:
  void add(std::shared_ptr<Task> task);

  Task::World& world_;
  std::map<std::string, std::shared_ptr<Task>> tasks_;
};

}  // namespace mooring::agent::act
