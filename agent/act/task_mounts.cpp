// The mounts of a task: one candidate after the other, until one can be had.
#include <algorithm>
#include <cstdio>
#include <utility>

#include <spdlog/spdlog.h>

#include "agent/act/task.h"

namespace mooring::agent::act {

using decide::Candidate;
using decide::Failure;
using decide::Verdict;

namespace {

// How long the next candidate waits for the last one to be undone; the undoing goes on after that.
constexpr Clock::duration kUndoTime = std::chrono::seconds(30);

std::string still_at(const Volume& volume, Clock::duration after) {
  char text[96];
  static_cast<void>(std::snprintf(text, sizeof text, "still at stage '%s' after %.1f s",
                                  std::string(decide::stage_name(volume.step())).c_str(), seconds(after)));
  return text;
}

mount::PreparedPath prepared_by(const state::BindRecord& bind) { return {bind.made, bind.marked}; }

bool speaks_for_the_backend(Verdict verdict) {
  return verdict == Verdict::denied || verdict == Verdict::backend_unavailable;
}

}  // namespace

/// What stands, stands, whatever a definition or the provider says of it now: a volume that an earlier run wrote down
/// is tried first, as it was written down, and asked about only if it is not here.
void Task::keep_what_it_had() {
  for (MountRun& mount : mounts_) {
    const auto chosen = chosen_.find(mount.plan.mount.path);
    const auto volume = chosen == chosen_.end() ? nullptr : world_.volumes.find(chosen->second);
    if (!volume || !volume->recorded()) continue;
    const auto candidate = std::ranges::find(mount.plan.candidates, chosen->second, &Candidate::name);
    if (candidate == mount.plan.candidates.end()) continue;
    candidate->verdict = Verdict::not_tried;
    candidate->detail.clear();
    candidate->backend = volume->backend();
    candidate->volume = volume->description();
    candidate->attachment = backends::Attachment::here;
    candidate->look.reset();
    const auto index = static_cast<std::size_t>(candidate - mount.plan.candidates.begin());
    std::erase(mount.plan.order, index);
    mount.plan.order.insert(mount.plan.order.begin(), index);
  }
}

void Task::drop_old_choices() {
  for (const auto& [path, name] : chosen_) {
    const auto mount = std::ranges::find(mounts_, path, [](const MountRun& m) { return m.plan.mount.path; });
    const bool kept = mount != mounts_.end() && !mount->plan.order.empty() &&
                      mount->plan.candidates[mount->plan.order.front()].name == name;
    const auto volume = world_.volumes.find(name);
    if (!kept && volume) let_go(volume, {id_, path});
    if (!kept) services_.ledger.add(state::ForgetChoice{id_, path});
  }
}

Task::Done Task::run_mount(MountRun& mount) {
  mount.state = MountState::preparing;
  for (const std::size_t index : mount.plan.order) {
    if (stopping_ || Clock::now() >= deadline_) break;
    Candidate& candidate = mount.plan.candidates[index];
    const auto dead = dead_backends_.find(candidate.backend);
    if (dead != dead_backends_.end()) {
      candidate.verdict = dead->second.verdict;
      candidate.detail = dead->second.detail;
      continue;
    }
    mount.current = index;
    if (co_await try_candidate(mount, candidate)) {
      candidate.verdict = Verdict::chosen;
      mount.state = MountState::mounted;
      co_return;
    }
    mount.current.reset();
  }
  if (stopping_ && !mount.plan.order.empty()) {
    mount.state = MountState::not_tried;
    co_return;
  }
  mount.state = mount.plan.mount.optional ? MountState::left_out : MountState::failed;
  if (mount.plan.mount.optional) co_return;
  stop_attempt();  // all or nothing: what the others still do is for nobody
}

Clock::time_point Task::limit(const MountRun& mount, const Volume& volume, Clock::time_point began) const {
  auto limit = deadline_;
  if (mount.plan.mount.timeout) limit = std::min<Clock::time_point>(limit, began + *mount.plan.mount.timeout);
  if (volume.step() == decide::Step::attach)
    limit = std::min<Clock::time_point>(limit, volume.step_since() + services_.settings.attach_timeout);
  return limit;
}

boost::asio::awaitable<bool> Task::try_candidate(MountRun& mount, Candidate& candidate) {
  const UserKey me = user(mount);
  const auto began = Clock::now();
  const auto volume = world_.volumes.get(candidate.name);
  mount.volume = volume;
  services_.ledger.add(state::ChoiceRecord{id_, me.path, candidate.name});
  volume->join(me, {candidate, mount.plan.mount.read_only, mount.plan.mount.options});
  bool late = false;
  while (volume->outcome(me) == Volume::Outcome::pending && !stopping_) {
    const auto until = limit(mount, *volume, began);
    late = Clock::now() >= until;
    if (late) break;
    co_await volume->changed().wait_until(until);
  }
  std::optional<Failure> failure;
  if (volume->outcome(me) == Volume::Outcome::ready && !stopping_) {
    candidate.volume = volume->description();
    if (is_host()) failure = co_await bind(mount, volume->mounted()->target);
    if (!failure) co_return true;
  } else if (volume->outcome(me) == Volume::Outcome::failed) {
    failure = volume->failure(me);
  } else if (late) {
    failure = Failure{Verdict::timed_out, still_at(*volume, Clock::now() - began)};
  } else if (volume->outcome(me) == Volume::Outcome::ready) {
    co_return true;  // the attempt is over, and what was had is given back with all the rest
  }
  if (failure) {
    candidate.verdict = failure->verdict;
    candidate.detail = failure->detail;
    if (speaks_for_the_backend(failure->verdict)) dead_backends_[candidate.backend] = *failure;
    spdlog::warn("task={} path={} volume={} verdict={} {}; trying the next candidate, if there is one", id_, me.path,
                 candidate.name, decide::to_string(failure->verdict), failure->detail);
  }
  mount.volume.reset();
  let_go(volume, me);
  services_.ledger.add(state::ForgetChoice{id_, me.path});
  const auto patience = Clock::now() + kUndoTime;
  while (!volume->gone() && !volume->has_users() && !volume->blocked() && Clock::now() < patience)
    co_await world_.volumes.ended().wait_until(patience);
  co_return false;
}

/// Until all that was given back is gone, is somebody else's, or cannot go now.
Task::Done Task::await_leaving(Clock::time_point deadline) {
  const auto on_its_way = [](const auto& volume) {
    return !volume->gone() && !volume->has_users() && !volume->blocked();
  };
  while (std::ranges::any_of(leaving_, on_its_way) && Clock::now() < deadline)
    co_await world_.volumes.ended().wait_until(deadline);
  std::erase_if(leaving_, [](const auto& volume) { return volume->gone() || volume->has_users(); });
}

Task::Done Task::run_instance_path(MountRun& mount) {
  mount.state = MountState::preparing;
  std::optional<Failure> failure;
  const auto ensured = co_await services_.node.ensure_instance_path(mount.plan.mount.instance_path);
  if (!ensured) failure = decide::failure_of(ensured.error());
  if (!failure && is_host()) failure = co_await bind(mount, mount.plan.mount.instance_path);
  if (!failure) {
    mount.state = MountState::mounted;
    co_return;
  }
  mount.problem = failure->detail;
  spdlog::warn("task={} path={} {}", id_, mount.plan.mount.path, mount.problem);
  mount.state = mount.plan.mount.optional ? MountState::left_out : MountState::failed;
  if (!mount.plan.mount.optional) stop_attempt();
}

boost::asio::awaitable<std::optional<Failure>> Task::bind(MountRun& mount, std::string source) {
  const std::string& path = mount.plan.mount.path;
  const bool read_only = mount.plan.mount.read_only;
  // Of the candidate before this one, which could not be had after all.
  if (mount.bound) old_binds_.push_back(*std::exchange(mount.bound, std::nullopt));
  const auto old = std::ranges::find(old_binds_, path, &state::BindRecord::path);
  if (old != old_binds_.end()) {
    // Of an earlier run: it stands, or, after a reboot, is made again; or another volume was there.
    mount.bound = *old;
    old_binds_.erase(old);
    if (mount.bound->source == source) {
      const auto bound = co_await services_.node.bind(source, path, read_only);
      if (bound) co_return std::nullopt;
    }
    const auto undone = co_await services_.node.unbind(mount.bound->source, path, prepared_by(*mount.bound), false);
    if (!undone) co_return Failure{Verdict::mount_failed, undone.error().message};
  }
  // Written down first: whether the directory and its mark are ours can't be seen afterwards (rule 18).
  const auto before = co_await services_.node.look_at_host_path(path);
  if (!before) co_return decide::failure_of(before.error());
  mount.bound = state::BindRecord{id_, path, source, before.value().made, before.value().marked};
  services_.ledger.add(*mount.bound);
  const auto written = co_await services_.ledger.flush();
  if (!written) co_return Failure{Verdict::mount_failed, written.error().message};
  const auto prepared = co_await services_.node.prepare_host_path(path);
  if (prepared) {
    const auto bound = co_await services_.node.bind(source, path, read_only);
    if (bound) co_return std::nullopt;
    co_return Failure{Verdict::mount_failed, bound.error().message};
  }
  // The directory was refused as it is: nothing of it is ours.
  services_.ledger.add(state::ForgetBind{id_, path});
  mount.bound.reset();
  co_return Failure{Verdict::mount_failed, prepared.error().message};
}

boost::asio::awaitable<bool> Task::unbind_all() {
  bool all = true;
  std::vector<state::BindRecord> binds = std::exchange(old_binds_, {});
  for (MountRun& mount : mounts_)
    if (mount.bound) binds.push_back(*std::exchange(mount.bound, std::nullopt));
  for (const state::BindRecord& bind : binds) {
    const bool undone = co_await unbind(bind);
    all = all && undone;
  }
  co_return all;
}

boost::asio::awaitable<bool> Task::unbind(const state::BindRecord& bind) {
  const auto undone = co_await services_.node.unbind(bind.source, bind.path, prepared_by(bind), force_);
  if (undone) {
    services_.ledger.add(state::ForgetBind{bind.task, bind.path});
    co_return true;
  }
  problem_ = undone.error().message;
  spdlog::warn("task={} path={} {}", id_, bind.path, problem_);
  old_binds_.push_back(bind);
  co_return false;
}

/// Of an earlier configuration: nothing is wanted at these paths any more.
Task::Done Task::unbind_abandoned() {
  const std::vector<state::BindRecord> binds = std::exchange(old_binds_, {});
  for (const state::BindRecord& bind : binds) {
    const bool wanted =
        std::ranges::any_of(mounts_, [&bind](const MountRun& mount) { return mount.plan.mount.path == bind.path; });
    if (wanted)
      old_binds_.push_back(bind);
    else
      co_await unbind(bind);
  }
}

}  // namespace mooring::agent::act
