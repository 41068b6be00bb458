#include "judge.h"

#include <algorithm>
#include <map>
#include <string>

#include <boost/json/serialize.hpp>

#include "agent/act/task_json.h"

namespace mooring::sim {

using namespace agent;
using act::MountState;
using act::TaskState;
using decide::Verdict;

void Judge::look() {
  std::map<std::string, std::string> writers;
  for (const auto& instance : instances_) {
    for (const auto& [target, staged] : instance->machine().staged) {
      if (staged.dead || staged.entry.read_only) continue;
      const auto [other, first] = writers.emplace(staged.volume, instance->name());
      if (!first && other->second != instance->name())
        world_.violated(staged.volume + " is written to from " + other->second + " and from " + instance->name());
    }
    for (const auto& [id, request] : instance->requests) keeps_what_it_has(*instance, id, request);
    if (!instance->is_up()) continue;
    for (const auto& [id, task] : instance->daemon().tasks().all())
      if (!task->is_host()) look_at(*instance, *task, instance->requests[id]);
    for (auto& [volume, tasks] : instance->machine().format_permitted)
      std::erase_if(tasks, [&](const std::string& id) { return !instance->daemon().tasks().find(id); });
  }
}

void Judge::look_at(Instance& instance, const act::Task& task, Request& request) {
  const TaskState state = task.state();
  if (state == request.seen) return;
  request.seen = state;
  world_.trace(instance.name(), " task ", task.id(), " is ", std::string(act::to_string(state)));
  world_.count("tasks " + std::string(act::to_string(state)));
  if (state == TaskState::preparing) request.began = world_.now();
  if (state == TaskState::ready || state == TaskState::degraded) {
    has_its_mounts(instance, task);
    for (const act::MountRun& mount : task.mounts())
      if (mount.current) request.has[mount.plan.mount.path] = mount.plan.candidates[*mount.current].name;
    if (request.fresh) respects_the_order(instance, task, request);
    request.fresh = false;
  }
  if (state == TaskState::failed) {
    is_explained(instance, task);
    failed_for_a_reason(instance, task, request);
  }
}

void Judge::has_its_mounts(Instance& instance, const act::Task& task) {
  for (const act::MountRun& mount : task.mounts()) {
    const std::string where = instance.name() + ", task " + task.id() + ", " + mount.plan.mount.path;
    if (mount.state == MountState::left_out && mount.plan.mount.optional && task.state() == TaskState::degraded)
      continue;
    if (mount.state != MountState::mounted) {
      world_.violated(where + ": the task is " + std::string(act::to_string(task.state())) +
                      ", the mount is not mounted");
      continue;
    }
    if (mount.plan.mount.names.empty()) continue;
    const std::string& name = mount.plan.candidates[*mount.current].name;
    const auto staged = instance.machine().staged.find("/mnt/" + name);
    if (staged == instance.machine().staged.end() || staged->second.volume != name)
      world_.violated(where + ": " + name + " is said to be mounted, and is not");
  }
}

/// What a task has, it keeps, whenever moord is killed; and without a moment in which it is not there.
void Judge::keeps_what_it_has(Instance& instance, const std::string& id, const Request& request) {
  const Faults& faults = world_.faults;
  const bool only_crashes = faults.cloud + faults.machine + faults.ledger == 0 && !instance.machine().has_rebooted;
  if (!only_crashes || request.release_wanted) return;
  for (const auto& [path, volume] : request.has)
    if (!cloud_.volumes().at(volume).was_touched && !instance.machine().staged.contains("/mnt/" + volume))
      world_.violated(instance.name() + ", task " + id + " had " + volume + " at " + path + ", and lost it");
}

/// All or nothing: what is mounted belongs to a task that is ready, or cannot be taken away.
void Judge::is_used_by_somebody(Instance& instance, const std::string& target, const Staged& staged) {
  if (staged.dead || instance.machine().has_users(target)) return;
  for (const auto& [id, task] : instance.daemon().tasks().all()) {
    if (task->state() == TaskState::releasing || task->state() == TaskState::busy) return;
    for (const act::MountRun& mount : task->mounts()) {
      const bool has = mount.state == MountState::mounted || mount.stood || task->is_host();
      if (has && mount.volume && mount.volume->name() == staged.volume) return;
    }
  }
  world_.violated("leak: " + staged.volume + " is mounted at " + target + " of " + instance.name() +
                  ", and no task has it");
}

/// Of those that are preferred to the chosen one, each must have been refused, and for a reason that is true.
void Judge::respects_the_order(Instance& instance, const act::Task& task, const Request& request) {
  for (const act::MountRun& mount : task.mounts()) {
    if (!mount.current) continue;
    const auto& candidates = mount.plan.candidates;
    const auto& chosen = candidates[*mount.current];
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const auto& other = candidates[i];
      bool preferred = i < *mount.current;
      if (mount.plan.mount.prefer == goal::Prefer::cheapest && other.price != chosen.price)
        preferred = other.price && (!chosen.price || *other.price < *chosen.price);
      if (!preferred || i == *mount.current || is_plausible(instance, other, mount.plan.mount, request)) continue;
      world_.violated("order: " + instance.name() + " chose " + chosen.name + ", and not " + other.name +
                      " before it: " + std::string(decide::to_string(other.verdict)) + " " + other.detail);
    }
  }
}

/// None of what was refused could have been had.
void Judge::failed_for_a_reason(Instance& instance, const act::Task& task, const Request& request) {
  for (const act::MountRun& mount : task.mounts()) {
    if (mount.state != MountState::failed) continue;
    for (const decide::Candidate& candidate : mount.plan.candidates)
      if (!is_plausible(instance, candidate, mount.plan.mount, request))
        world_.violated(instance.name() + ", task " + task.id() + " failed, though " + candidate.name +
                        " could be had: " + std::string(decide::to_string(candidate.verdict)) + " " + candidate.detail);
  }
}

bool Judge::is_plausible(Instance& instance, const decide::Candidate& candidate, const goal::Mount& mount,
                         const Request& request) {
  if (candidate.verdict == Verdict::chosen || candidate.detail.empty()) return false;
  if (candidate.verdict == Verdict::not_tried) return world_.anything_went_wrong;  // no time was left
  if (candidate.verdict == Verdict::wrong_backend) return candidate.backend != "sim";
  const auto found = cloud_.volumes().find(candidate.name);
  if (found == cloud_.volumes().end()) return candidate.verdict == Verdict::not_found;
  const CloudVolume& volume = found->second;
  const backends::Identity& here = instance.machine().identity();
  const bool region_is_wrong = volume.region != here.region;
  if (candidate.verdict == Verdict::wrong_region) return region_is_wrong;
  if (candidate.verdict == Verdict::wrong_zone) return !region_is_wrong && volume.zone != here.zone;
  if (world_.anything_went_wrong || volume.was_touched) return true;
  const bool is_held = volume.state != CloudVolume::State::available && volume.holder != instance.name();
  const bool held = is_held || std::ranges::any_of(volume.last_held, [&](const auto& one) {
                      return one.second + seconds(15) >= request.began;
                    });
  const auto names_it = [&](const goal::Mount& one) {
    return std::ranges::find(one.names, candidate.name) != one.names.end();
  };
  const bool others_want_it =
      std::ranges::any_of(instance.host_mounts, names_it) ||
      std::ranges::any_of(instance.requests, [&](const auto& other) {
        return &other.second != &request && std::ranges::any_of(other.second.goal.mounts, names_it);
      });
  switch (candidate.verdict) {
    case Verdict::not_found:
      return region_is_wrong || !volume.exists;
    case Verdict::in_use:
    case Verdict::not_ready:
      return held;
    case Verdict::unsafe_filesystem:
      return volume.data.kind != Data::Kind::filesystem || volume.data.damaged || mount.read_only;
    case Verdict::mount_failed:
    case Verdict::timed_out:
      return others_want_it;
    default:
      return false;
  }
}

/// A goal that failed says of each candidate of the mount that failed what became of it.
void Judge::is_explained(Instance& instance, const act::Task& task) {
  const auto json = act::to_json(task);
  const std::string where = instance.name() + ", task " + task.id();
  if (json.contains("detail")) return;
  const auto* mounts = json.if_contains("mounts");
  bool any = false;
  for (const auto& mount : mounts ? mounts->as_array() : boost::json::array{}) {
    const auto& object = mount.as_object();
    if (object.at("state").as_string() != "failed") continue;
    any = true;
    if (object.contains("detail")) continue;
    const auto* candidates = object.if_contains("candidates");
    for (const auto& candidate : candidates ? candidates->as_array() : boost::json::array{}) {
      const auto& verdict = candidate.as_object().at("verdict").as_string();
      if (verdict == "chosen" || !candidate.as_object().contains("detail"))
        world_.violated(where + " failed, and does not say why: " + boost::json::serialize(candidate));
    }
  }
  if (!any) world_.violated(where + " failed, and does not say why: " + boost::json::serialize(json));
}

void Judge::all_have_ended() {
  for (const auto& instance : instances_) {
    auto& tasks = instance->daemon().tasks();
    for (const auto& [id, task] : tasks.all()) {
      const std::string where = instance->name() + ", task " + id;
      const bool waits_for_users = task->state() == TaskState::releasing || task->state() == TaskState::busy;
      if (task->moving() && !waits_for_users && !task->is_host())  // host tries again for ever
        world_.violated(where + " has not ended: " + boost::json::serialize(act::to_json(*task)));
      if (task->state() == TaskState::failed && !task->is_host()) is_explained(*instance, *task);
    }
    for (const auto& [target, staged] : instance->machine().staged) is_used_by_somebody(*instance, target, staged);
    for (const auto& [id, request] : instance->requests) {
      const auto task = tasks.find(id);
      if (request.accepted && !request.release_wanted && !task)
        world_.violated(instance->name() + ", task " + id + " was accepted, and is lost");
      if (request.release_accepted && task && !task->to_be_released())
        world_.violated(instance->name() + ", task " + id + " was released, and is back");
    }
  }
}

void Judge::all_is_released() {
  for (const auto& instance : instances_)
    for (const auto& [id, task] : instance->daemon().tasks().all())
      world_.violated(instance->name() + ", task " + id +
                      " cannot be released: " + boost::json::serialize(act::to_json(*task)));
}

void Judge::nothing_is_left() {
  for (const auto& instance : instances_) {
    const Machine& machine = instance->machine();
    for (const auto& [id, task] : instance->daemon().tasks().all())
      world_.violated(instance->name() + ", task " + id + " is back, though it was released");
    for (const auto& [target, staged] : machine.staged)
      world_.violated("leak: " + staged.volume + " is mounted at " + target + " of " + instance->name());
    for (const auto& [path, source] : machine.binds)
      world_.violated("leak: " + path + " of " + instance->name() + " is a bind of " + source);
    for (const std::string& path : machine.prepared)
      world_.violated("leak: " + path + " of " + instance->name() + " is prepared for a mount");
    for (const std::string& name : machine.recorded)
      world_.violated("leak: the ledger of " + instance->name() + " has " + name);
  }
  for (const auto& [name, volume] : cloud_.volumes())
    if (volume.state != CloudVolume::State::available && !volume.by_hand)
      world_.violated("leak: " + name + " is attached to " + volume.holder);
}

}  // namespace mooring::sim
