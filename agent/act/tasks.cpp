#include "agent/act/tasks.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace mooring::agent::act {
namespace {

state::OwnerRecord owner_record(const goal::TaskGoal& goal) {
  if (!goal.owner) return {};
  return {goal.owner->pid, process_start_time(goal.owner->pid), boot_id()};
}

std::optional<Tasks::Refusal> difference(const goal::TaskGoal& had, const goal::TaskGoal& wanted) {
  if (had.mounts != wanted.mounts) return Tasks::Refusal::other_mounts;
  if (had.definitions != wanted.definitions) return Tasks::Refusal::other_definitions;
  if (wanted.owner && had.owner != wanted.owner) return Tasks::Refusal::other_owner;
  return std::nullopt;
}

/// A goal that our own code wrote; empty if it can't be read any more.
std::optional<goal::TaskGoal> goal_from(const state::TaskRecord& record) {
  goal::Diagnostics diagnostics("ledger, task " + record.id);
  const auto documents = goal::parse(record.goal, goal::Format::json, diagnostics);
  if (!diagnostics.ok() || documents.size() != 1) return std::nullopt;
  auto goal = goal::read_request(documents.front(), {}, diagnostics);
  for (const auto& problem : diagnostics.all()) spdlog::error("{}", goal::to_string(problem));
  if (!diagnostics.ok()) return std::nullopt;
  return goal;
}

}  // namespace

void Tasks::add(std::shared_ptr<Task> task) {
  const std::string id = task->id();
  tasks_[id] = task;
  task->start([this, id] { tasks_.erase(id); });
}

void Tasks::restore(const state::Snapshot& snapshot, std::vector<goal::Mount> host_mounts) {
  for (const state::VolumeRecord& record : snapshot.volumes) world_.volumes.add(record);
  goal::TaskGoal host_goal;
  host_goal.mounts = std::move(host_mounts);
  std::vector<std::shared_ptr<Task>> restored;
  for (const state::TaskRecord& record : snapshot.tasks) {
    if (record.id == kHostTask) continue;
    auto goal = goal_from(record);
    auto task = std::make_shared<Task>(world_, record, goal.value_or(goal::TaskGoal{}));
    if (!goal) {
      spdlog::error("task={} its goal in the ledger cannot be read; what it has stays until it is released", record.id);
      task->cannot_be_read();
    }
    restored.push_back(std::move(task));
  }
  const auto host = std::ranges::find(snapshot.tasks, kHostTask, &state::TaskRecord::id);
  const bool had_host = host != snapshot.tasks.end();
  if (had_host || !host_goal.mounts.empty())
    restored.push_back(std::make_shared<Task>(world_, std::string(kHostTask), host_goal, state::OwnerRecord{}));
  if (had_host && host->phase == state::TaskPhase::kept) restored.back()->was_ready();
  const auto find = [&restored](const std::string& id) -> Task* {
    for (const auto& task : restored)
      if (task->id() == id) return task.get();
    return nullptr;
  };
  for (const state::ChoiceRecord& choice : snapshot.choices) {
    if (Task* task = find(choice.task))
      task->had(choice);
    else
      world_.services.ledger.add(state::ForgetChoice{choice.task, choice.path});
  }
  for (const state::BindRecord& bind : snapshot.binds)
    if (Task* task = find(bind.task)) task->had(bind);
  for (const auto& [name, volume] : world_.volumes.all())
    for (const auto& task : restored)
      if (!volume->needed() && task->to_be_released()) task->was_leaving(volume);
  for (auto& task : restored) {
    const bool nothing_left = task->is_host() && host_goal.mounts.empty();
    if (nothing_left) task->release(false);
    add(std::move(task));
  }
  world_.volumes.release_unclaimed();
}

void Tasks::located() {
  for (const auto& [id, task] : tasks_) task->changed().notify();
  if (!world_.services.here.known()) return;
  for (const auto& [name, volume] : world_.volumes.all())
    if (volume->blocked()) volume->retry(false);
}

std::variant<Tasks::Taken, Tasks::Refusal> Tasks::put(const std::string& id, const goal::TaskGoal& goal) {
  if (const auto task = find(id)) {
    if (task->to_be_released()) return Refusal::being_released;
    if (const auto refusal = difference(task->goal(), goal)) return *refusal;
    if (!world_.services.here.known()) asked_for_.insert(id);
    task->put_again();
    return Taken{task, false};
  }
  auto task = std::make_shared<Task>(world_, id, goal, owner_record(goal));
  add(task);
  return Taken{std::move(task), true};
}

std::shared_ptr<Task> Tasks::find(const std::string& id) const {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second;
}

}  // namespace mooring::agent::act
