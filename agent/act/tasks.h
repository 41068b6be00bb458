// All tasks: takes goals in, gives them back, brings them over a restart.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
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

  enum class Refusal : std::uint8_t { other_mounts, other_definitions, other_owner, being_released };
  struct Taken {
    std::shared_ptr<Task> task;
    bool is_new = false;
  };
  /// The task with this goal: a new one, or the same one, which tries or looks again. A goal without an owner leaves
  /// the task the one it has.
  std::variant<Taken, Refusal> put(const std::string& id, const goal::TaskGoal& goal);

  /// It is known by now where this instance is, or known better why it is not: those that wait for it go on.
  void located();

  /// The tasks that somebody has put while it was not known where this instance is.
  [[nodiscard]] const std::set<std::string>& asked_for() const { return asked_for_; }

  [[nodiscard]] std::shared_ptr<Task> find(const std::string& id) const;
  [[nodiscard]] const std::map<std::string, std::shared_ptr<Task>>& all() const { return tasks_; }

 private:
  void add(std::shared_ptr<Task> task);

  Task::World& world_;
  std::map<std::string, std::shared_ptr<Task>> tasks_;
  std::set<std::string> asked_for_;
};

}  // namespace mooring::agent::act
