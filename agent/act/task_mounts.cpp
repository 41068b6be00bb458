// The mounts of a task: one candidate after the other, until one can be had.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>

#include "agent/act/task.h"
#include "mount/host_path.h"

namespace mooring::agent::act {

using decide::Candidate;
using decide::Failure;
using decide::Verdict;

namespace {

std::string still_at(const Volume& volume, Clock::duration after) {
  char text[96];
  static_cast<void>(std::snprintf(text, sizeof text, "still at stage '%s' after %.1f s",
                                  std::string(decide::stage_name(volume.step())).c_str(), seconds(after)));
  if (volume.blocked()) return text + (": " + volume.blocked_by());
  std::string told = text;
  if (volume.step() == decide::Step::format) told += "; what mkfs has written by then has to be cleared by hand";
  return told + "; if it only takes long, give it more time: `timeout` of the mount, `timeouts` in moord.yaml";
}

bool speaks_for_the_backend(Verdict verdict) {
  return verdict == Verdict::denied || verdict == Verdict::backend_unavailable;
}

/// What lies in a directory of moord's own is given to nobody: volumes of other tasks, the ledger.
std::optional<Failure> refuse_own(const std::string& path, const std::vector<std::string>& own_directories) {
  for (const std::string& own : own_directories) {
    if (!mount::is_in(path, own) && !mount::is_in(own, path)) continue;
    return Failure{Verdict::mount_failed,
                   path + " is, is in, or leads to moord's own " + own + "; choose another directory, such as /data"};
  }
  return std::nullopt;
}

/// What was here is not made anew, blank, because it is not there any more.
void refuse_to_make_anew(MountPlan& plan, const std::string& name) {
  const auto candidate = std::ranges::find(plan.candidates, name, &Candidate::name);
  if (candidate == plan.candidates.end()) return;
  candidate->volume.defined = false;
  if (!candidate->blank || candidate->verdict != Verdict::not_tried) return;
  candidate->verdict = Verdict::not_found;
  candidate->detail = "was here, and is not there any more; release the task if it is to be made anew";
  std::erase(plan.order, static_cast<std::size_t>(candidate - plan.candidates.begin()));
}

}  // namespace

/// Before an attempt: what the last one left standing.
void Task::remember_what_it_has() {
  for (MountRun& mount : mounts_) {
    if (mount.state == MountState::mounted && mount.volume)
      existed_[mount.plan.mount.path].insert(mount.volume->name());
    if (mount.volume) chosen_[mount.plan.mount.path] = mount.volume->name();
    if (mount.bound) old_binds_.push_back(*std::move(mount.bound));
  }
  mounts_.clear();
}

/// What stands, stands, whatever a definition or the provider says of it now: a volume that was written down is tried
/// first, as it was written down, and asked about only if it is not here.
void Task::keep_what_it_had() {
  for (MountRun& mount : mounts_) {
    const auto chosen = chosen_.find(mount.plan.mount.path);
    const auto volume = chosen == chosen_.end() ? nullptr : world_.volumes.find(chosen->second);
    for (const std::string& name : existed_[mount.plan.mount.path]) refuse_to_make_anew(mount.plan, name);
    if (!volume || !volume->recorded()) continue;
    const auto candidate = std::ranges::find(mount.plan.candidates, chosen->second, &Candidate::name);
    if (candidate == mount.plan.candidates.end()) continue;
    candidate->verdict = Verdict::not_tried;
    candidate->detail.clear();
    candidate->backend = volume->backend();
    candidate->volume = volume->description();
    candidate->attachment = backends::Attachment::here;
    candidate->look.reset();
    candidate->fs = mount.plan.mount.fs;
    candidate->read_only = mount.plan.mount.read_only || candidate->volume.read_only;
    const auto index = static_cast<std::size_t>(candidate - mount.plan.candidates.begin());
    std::erase(mount.plan.order, index);
    mount.plan.order.insert(mount.plan.order.begin(), index);
    mount.had = volume;
  }
}

/// The attempt was over before it was their turn: they have what they had.
void Task::keep_what_was_not_tried() {
  for (MountRun& mount : mounts_) {
    if (mount.volume || !mount.had) continue;
    mount.volume = mount.had;
    mount.stood = true;
  }
}

/// All or nothing, also for a run that was killed in between: it has left a half that was never given out.
void Task::keep_nothing_of_a_half() {
  if (was_ready_ || mounts_.size() < 2) return;
  for (MountRun& mount : mounts_) mount.stood = false;
}

void Task::drop_old_choices() {
  std::erase_if(chosen_, [this](const auto& choice) {
    const auto& [path, name] = choice;
    const auto mount = std::ranges::find(mounts_, path, [](const MountRun& m) { return m.plan.mount.path; });
    if (mount != mounts_.end() && mount->had) return false;
    if (const auto volume = world_.volumes.find(name)) let_go(volume, {id_, path});
    write(state::ForgetChoice{id_, path});
    return true;
  });
}

void Task::let_go(const std::shared_ptr<Volume>& volume, const UserKey& user) {
  leaving_.push_back(volume);
  volume->leave(user, force_);
}

void Task::give_back(MountRun& mount) {
  mount.current.reset();
  if (!mount.volume) return;
  if (mount.volume == mount.had) mount.had.reset();
  write(state::ForgetChoice{id_, mount.plan.mount.path});
  let_go(std::exchange(mount.volume, nullptr), user(mount));
}

/// This attempt is over: those who wait for a volume stop waiting.
void Task::stop_attempt() {
  stopping_ = true;
  for (MountRun& mount : mounts_)
    if (mount.volume) mount.volume->changed().notify();
}

Task::Done Task::run_mounts() {
  running_ = mounts_.size();
  const auto self = shared_from_this();
  for (MountRun& mount : mounts_) {
    auto work = mount.plan.mount.names.empty() ? run_instance_path(mount) : run_mount(mount);
    boost::asio::co_spawn(services_.executor, std::move(work), [self](const std::exception_ptr& bug) {
      if (bug) std::rethrow_exception(bug);
      --self->running_;
      self->changed_.notify();
    });
  }
  while (running_ > 0) co_await changed_.wait();
}

Task::Done Task::run_mount(MountRun& mount) {
  mount.state = MountState::preparing;
  for (const std::size_t index : mount.plan.order) {
    if (stopping_) break;
    Candidate& candidate = mount.plan.candidates[index];
    if (mount.stood || Clock::now() >= deadline_) {
      candidate.detail = mount.stood ? "not tried beside the volume of this mount that may still be mounted"
                                     : "its turn did not come before the time for the task was over";
      continue;
    }
    const auto dead = dead_backends_.find(candidate.backend);
    const bool had = mount.had && mount.had->name() == candidate.name;  // may stand, and then needs no backend
    if (dead != dead_backends_.end() && !had) {
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

/// Until there is an outcome, or time is up, or nobody wants to know.
Task::Done Task::await_volume(const MountRun& mount, bool& late) {
  const auto volume = mount.volume;
  const auto began = Clock::now();
  // Ready, but without a mount: another one looks again at this very moment.
  const auto is_open = [&] {
    const auto outcome = volume->outcome(user(mount));
    return outcome == Volume::Outcome::pending || (outcome == Volume::Outcome::ready && !volume->mounted());
  };
  const auto& order = mount.plan.order;
  const bool has_another = mount.current && !order.empty() && order.back() != *mount.current;
  auto patience = Clock::time_point::max();
  while (is_open() && !stopping_) {
    // It is wanted otherwise than it is here, and those who have it may keep it for ever: the next one is tried.
    const bool in_the_way = volume->waits(user(mount)) && volume->blocked();
    if (in_the_way && has_another) patience = std::min<Clock::time_point>(patience, Clock::now() + kUndoTime);
    const auto until = std::min(limit(mount, *volume, began), patience);
    late = Clock::now() >= until;
    if (late) break;
    co_await volume->changed().wait_until(until);
  }
}

boost::asio::awaitable<bool> Task::try_candidate(MountRun& mount, Candidate& candidate) {
  const UserKey me = user(mount);
  const auto began = Clock::now();
  const auto volume = world_.volumes.get(candidate.name);
  const bool had = volume == mount.had;
  mount.volume = volume;
  volume->join(me, {candidate, mount.plan.mount.options}, had);
  // A choice stands for the volume as it is written down: not for one that has to go first.
  if (!had && !volume->waits(me)) write(state::ChoiceRecord{id_, me.path, candidate.name});
  bool late = false;
  const bool waited = volume->waits(me);
  co_await await_volume(mount, late);
  if (waited && !volume->waits(me)) write(state::ChoiceRecord{id_, me.path, candidate.name});
  std::optional<Failure> failure;
  if (volume->outcome(me) == Volume::Outcome::ready && volume->mounted()) {
    candidate.volume = volume->description();
    mount.source = volume->mounted()->target;
    mount.read_only = volume->mounted()->read_only;
    mount.stood = had && volume->stood();
    if (is_host() && !stopping_) failure = co_await bind(mount, mount.source);
    if (!failure) co_return true;  // should the attempt be over, it is given back with all the rest
  } else if (volume->outcome(me) == Volume::Outcome::failed) {
    failure = volume->failure(me);
  } else if (late) {
    failure = Failure{Verdict::timed_out, still_at(*volume, Clock::now() - began)};
  }
  if (failure) {
    candidate.verdict = failure->verdict;
    candidate.detail = failure->detail;
    if (speaks_for_the_backend(failure->verdict)) dead_backends_[candidate.backend] = *failure;
    spdlog::warn("task={} path={} volume={} verdict={} {}", id_, me.path, candidate.name,
                 decide::to_string(failure->verdict), failure->detail);
  }
  const bool failed = volume->outcome(me) == Volume::Outcome::failed;
  mount.stood = mount.stood || (failed ? volume->keeps(me) : had && volume->may_stand());
  if (mount.stood) {
    volume->claim(me);
    co_return false;
  }
  give_back(mount);
  const auto patience = Clock::now() + kUndoTime;
  while (!volume->gone() && !volume->needed() && !volume->blocked() && Clock::now() < patience && !releasing_)
    co_await world_.volumes.ended().wait_until(patience);
  co_return false;
}

/// Until all that was given back is gone, is somebody else's, or cannot go now.
Task::Done Task::await_leaving(Clock::time_point deadline) {
  const auto on_its_way = [](const auto& volume) { return !volume->gone() && !volume->needed() && !volume->blocked(); };
  while (std::ranges::any_of(leaving_, on_its_way) && Clock::now() < deadline && !releasing_)
    co_await world_.volumes.ended().wait_until(deadline);
  std::erase_if(leaving_, [](const auto& volume) { return volume->gone() || volume->needed(); });
}

Task::Done Task::run_instance_path(MountRun& mount) {
  mount.state = MountState::preparing;
  mount.source = mount.plan.mount.instance_path;
  std::optional<Failure> failure;
  mount.stood = std::ranges::any_of(old_binds_, [&mount](const state::BindRecord& bind) {
    return bind.path == mount.plan.mount.path && bind.source == mount.source;
  });
  failure = refuse_own(mount.source, services_.settings.own_directories);
  if (!failure) {
    const auto ensured = co_await services_.node.ensure_instance_path(mount.source);
    if (!ensured) failure = decide::failure_of(ensured.error());
  }
  if (!failure && is_host()) failure = co_await bind(mount, mount.source);
  if (!failure) {
    mount.state = MountState::mounted;
    co_return;
  }
  mount.problem = failure->detail;
  spdlog::warn("task={} path={} {}", id_, mount.plan.mount.path, mount.problem);
  mount.state = mount.plan.mount.optional ? MountState::left_out : MountState::failed;
  if (!mount.plan.mount.optional) stop_attempt();
}

}  // namespace mooring::agent::act
