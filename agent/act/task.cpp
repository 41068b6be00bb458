#include "agent/act/task.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "agent/act/task_json.h"

namespace mooring::agent::act {
namespace {

// The task `host` tries again by itself.
constexpr Clock::duration kFirstBackOff = std::chrono::seconds(2);
constexpr Clock::duration kLongestBackOff = std::chrono::minutes(5);
// How long a refused unbind or an unwritable ledger waits before the next try.
constexpr Clock::duration kRetryAfter = std::chrono::seconds(1);

void rethrow(const std::exception_ptr& bug) {
  if (bug) std::rethrow_exception(bug);
}

}  // namespace

std::string_view to_string(TaskState state) {
  switch (state) {
    case TaskState::preparing:
      return "preparing";
    case TaskState::ready:
      return "ready";
    case TaskState::degraded:
      return "degraded";
    case TaskState::failed:
      return "failed";
    case TaskState::releasing:
      return "releasing";
    case TaskState::busy:
      return "busy";
    case TaskState::released:
      return "released";
  }
  return "unknown";
}

std::string_view to_string(MountState state) {
  switch (state) {
    case MountState::waiting:
      return "waiting";
    case MountState::preparing:
      return "preparing";
    case MountState::mounted:
      return "mounted";
    case MountState::failed:
      return "failed";
    case MountState::left_out:
      return "left_out";
    case MountState::not_tried:
      return "not_tried";
    case MountState::releasing:
      return "releasing";
    case MountState::released:
      return "released";
  }
  return "unknown";
}

Task::Task(World& world, std::string id, goal::TaskGoal goal, state::OwnerRecord owner)
    : world_(world),
      services_(world.services),
      id_(std::move(id)),
      goal_(std::move(goal)),
      owner_(std::move(owner)),
      back_off_(kFirstBackOff),
      changed_(world.services.executor) {
  write_down(state::TaskPhase::wanted);
}

Task::Task(World& world, const state::TaskRecord& record, goal::TaskGoal goal)
    : world_(world),
      services_(world.services),
      id_(record.id),
      goal_(std::move(goal)),
      owner_(record.owner),
      created_(record.created),
      back_off_(kFirstBackOff),
      changed_(world.services.executor) {
  releasing_ = record.phase == state::TaskPhase::releasing;
  if (releasing_) state_ = TaskState::releasing;
  was_ready_ = record.phase == state::TaskPhase::kept;
  if (record.phase != state::TaskPhase::failed) return;
  state_ = TaskState::failed;
  boost::system::error_code ignored;
  const auto outcome = boost::json::parse(record.outcome, ignored);
  if (const auto* object = outcome.if_object()) outcome_ = *object;
}

void Task::had(const state::ChoiceRecord& choice) {
  chosen_[choice.path] = choice.volume;
  const auto volume = world_.volumes.find(choice.volume);
  if (!volume) return;
  volume->claim({id_, choice.path});
  if (volume->existed()) existed_[choice.path].insert(choice.volume);
}

void Task::had(const state::BindRecord& bind) { old_binds_.push_back(bind); }

void Task::was_ready() {
  was_ready_ = true;
  write_down_goal();
}

void Task::cannot_be_read() {
  problem_ = "its goal, as it was written down, cannot be read; what it has stays until it is released";
  if (!releasing_) state_ = TaskState::failed;
}

void Task::start(std::function<void()> ended) {
  services_.events.add(wall_clock(), "task." + std::string(to_string(state_)),
                       {{"task", id_}, {"state", to_string(state_)}});
  boost::asio::co_spawn(services_.executor, run(shared_from_this(), std::move(ended)), rethrow);
  if (owner_.pid == 0) return;
  // Of a number that it had before the last boot, nothing is left to watch: -1 is no process.
  const auto pid = owner_.boot_id == boot_id() ? static_cast<pid_t>(owner_.pid) : -1;
  owner_watch_.emplace(services_.executor, pid, owner_.start_time, [this] {
    spdlog::info("task={} its owner, process {}, has ended: releasing", id_, owner_.pid);
    release(false);
  });
}

void Task::put_again() {
  if (state_ == TaskState::failed) {
    write_down_goal();
    set_state(TaskState::preparing);
  } else if (state_ == TaskState::ready || state_ == TaskState::degraded) {
    looking_ = true;
    changed_.notify();
  }
}

void Task::release(bool force) {
  force_ = force_ || force;
  for (const auto& volume : leaving_) volume->retry(force);
  if (!releasing_) write_down(state::TaskPhase::releasing);
  releasing_ = true;
  stop_attempt();
  world_.volumes.ended().notify();
  set_state(TaskState::releasing);
  changed_.notify();
}

void Task::set_state(TaskState state) {
  if (state == state_) return;
  state_ = state;
  boost::json::object data{{"task", id_}, {"state", to_string(state)}};
  const std::string why = state == TaskState::failed ? why_failed(*this) : problem_;
  if (!why.empty()) data["detail"] = why;
  services_.events.add(wall_clock(), "task." + std::string(to_string(state)), std::move(data));
  spdlog::info("task={} state={}", id_, to_string(state));
  changed_.notify();
}

void Task::write(state::Change change) { ticket_ = services_.ledger.add(std::move(change)); }

void Task::write_down(state::TaskPhase phase) {
  write(state::TaskRecord{id_, boost::json::serialize(goal::to_json(goal_)), phase,
                          outcome_ ? boost::json::serialize(*outcome_) : "", created_, owner_});
}

Task::Done Task::run(std::shared_ptr<Task> self, std::function<void()> ended) {
  while (!self->releasing_) {
    if (self->state_ == TaskState::preparing)
      co_await self->prepare();
    else if (self->looking_)
      co_await self->look_again();
    else
      co_await self->wait_for_change();
  }
  self->looking_ = false;
  co_await self->release_all();
  self->owner_watch_.reset();
  self->set_state(TaskState::released);
  ended();
}

Task::Done Task::wait_for_change() {
  // Nobody can ask again for the task `host`.
  const bool tries_again = is_host() && (state_ == TaskState::failed || state_ == TaskState::degraded);
  if (!tries_again && !has_abandoned_binds()) {
    co_await changed_.wait();
    co_return;
  }
  auto again = tries_again ? next_try_ : Clock::time_point::max();
  if (has_abandoned_binds()) again = std::min<Clock::time_point>(again, Clock::now() + kRetryAfter);
  const TaskState before = state_;
  while (state_ == before && !releasing_ && !looking_ && Clock::now() < again) co_await changed_.wait_until(again);
  if (state_ != before || releasing_ || looking_) co_return;
  if (has_abandoned_binds()) co_await unbind_abandoned();
  if (!tries_again || Clock::now() < next_try_ || releasing_) co_return;
  write_down_goal();
  set_state(TaskState::preparing);
}

/// When the task `host` tries again, should it have to.
void Task::back_off() {
  next_try_ = Clock::now() + back_off_;
  back_off_ = std::min(back_off_ * 2, kLongestBackOff);
}

Task::Done Task::prepare() {
  outcome_.reset();
  problem_.clear();
  dead_backends_.clear();
  remember_what_it_has();
  co_await await_location();
  if (releasing_) co_return;
  deadline_ = Clock::now() + services_.settings.task_timeout;
  auto plans = co_await world_.planner.plan(goal_, chosen_);
  if (releasing_) co_return;
  stopping_ = false;
  for (MountPlan& plan : plans) mounts_.emplace_back().plan = std::move(plan);
  keep_what_it_had();
  co_await unbind_abandoned();
  drop_old_choices();
  co_await run_mounts();
  co_await unbind_abandoned();
  co_await await_leaving(std::min(deadline_, Clock::now() + kUndoTime));
  if (releasing_) co_return;
  const bool had = std::ranges::all_of(mounts_, [](const MountRun& mount) {
    return mount.state == MountState::mounted || mount.state == MountState::left_out;
  });
  // Of a single mount there is no half, which spares a write; but the host may get more of them.
  const bool may_be_half = is_host() || mounts_.size() > 1;
  if (had && !std::exchange(was_ready_, true) && may_be_half) write_down_goal();
  const auto written = co_await services_.ledger.flush(ticket_);
  if (!written) problem_ = written.error().message;
  const bool failed = !written || !had;
  if (releasing_) co_return;
  if (failed) co_return co_await give_up();
  keep_what_was_not_tried();
  chosen_.clear();
  const bool whole = std::ranges::all_of(mounts_, [](const MountRun& m) { return m.state == MountState::mounted; });
  if (whole)
    back_off_ = kFirstBackOff;
  else
    back_off();
  set_state(whole ? TaskState::ready : TaskState::degraded);
}

/// Goals wait, they do not fail, until it is known where this instance is.
Task::Done Task::await_location() {
  while (!services_.here.known() && !releasing_) {
    problem_ = services_.here.missing();
    co_await changed_.wait();
  }
  problem_.clear();
}

/// Others may have unmounted what is ready, or a file system may have shut down. What was unmounted is mounted again;
/// where that cannot be, the goal is tried for anew.
Task::Done Task::look_again() {
  deadline_ = Clock::now() + services_.settings.task_timeout;
  for (MountRun& mount : mounts_) {
    if (!mount.volume || mount.state != MountState::mounted) continue;
    decide::Candidate candidate = mount.plan.candidates[*mount.current];
    candidate.attachment = backends::Attachment::here;
    candidate.look.reset();
    candidate.may_format = candidate.volume.defined = false;  // it has been there: not a new one is looked for
    mount.volume->join(user(mount), {std::move(candidate), mount.plan.mount.options}, true);
  }
  bool good = state_ == TaskState::ready;  // what was left out is tried for again
  for (MountRun& mount : mounts_) {
    if (!mount.volume || mount.state != MountState::mounted) continue;
    bool late = false;
    co_await await_volume(mount, late);
    good = good && mount.volume->outcome(user(mount)) == Volume::Outcome::ready;
  }
  looking_ = false;
  changed_.notify();
  if (!good && !releasing_) set_state(TaskState::preparing);
}

Task::Done Task::give_up() {
  keep_what_was_not_tried();
  keep_nothing_of_a_half();
  co_await unbind_all(false);
  for (MountRun& mount : mounts_) {
    if (mount.stood) continue;
    if (mount.state == MountState::mounted) {
      mount.state = MountState::released;
      if (mount.current) {
        decide::Candidate& candidate = mount.plan.candidates[*mount.current];
        candidate.verdict = decide::Verdict::not_tried;
        candidate.detail = "could be had, but another mount of the task could not: released again";
      }
    }
    give_back(mount);
  }
  chosen_.clear();
  co_await await_leaving(Clock::now() + kUndoTime);
  if (releasing_) co_return;
  auto record = to_json(*this);
  record["state"] = to_string(TaskState::failed);
  record["binds"] = boost::json::array{};
  outcome_ = std::move(record);
  // What stood still stands: a restart goes on with it, and tries again.
  const bool stands = std::ranges::any_of(mounts_, [](const MountRun& mount) { return mount.stood; });
  was_ready_ = was_ready_ && stands;
  if (stands)
    write_down_goal();
  else
    write_down(state::TaskPhase::failed);
  const auto written = co_await services_.ledger.flush(ticket_);
  if (!written) spdlog::error("task={} {}", id_, written.error().message);
  back_off();
  if (!releasing_) set_state(TaskState::failed);
}

Task::Done Task::release_all() {
  while (running_ > 0) co_await changed_.wait();
  set_state(TaskState::releasing);
  // Whether everything could be unbound, and the ledger written: until then nothing is taken away.
  for (;;) {
    const auto written = co_await services_.ledger.flush(ticket_);
    if (!written) problem_ = written.error().message;
    bool done = static_cast<bool>(written);
    if (done) done = co_await unbind_all(true);
    if (done) break;
    set_state(TaskState::busy);
    co_await changed_.wait_until(Clock::now() + kRetryAfter);
  }
  problem_.clear();
  for (MountRun& mount : mounts_) {
    mount.state = MountState::releasing;
    if (mount.volume) let_go(mount.volume, user(mount));
  }
  for (const auto& [path, name] : chosen_)
    if (const auto volume = world_.volumes.find(name)) let_go(volume, {id_, path});
  co_await await_released_or_busy();
  write(state::ForgetTask{id_});
  const auto written = co_await services_.ledger.flush(ticket_);
  if (!written) spdlog::error("task={} {}", id_, written.error().message);  // goes with the next write
  for (MountRun& mount : mounts_) mount.state = MountState::released;
}

Task::Done Task::await_released_or_busy() {
  const auto is_done = [](const auto& volume) { return volume->gone() || volume->needed(); };
  for (;;) {
    std::erase_if(leaving_, is_done);
    std::erase_if(left_over_, [&](const auto& volume) { return is_done(volume) || volume->blocked(); });
    if (leaving_.empty() && left_over_.empty()) break;
    const auto blocked = std::ranges::find_if(leaving_, [](const auto& volume) { return volume->blocked(); });
    problem_ = blocked == leaving_.end() ? "" : (*blocked)->name() + ": " + (*blocked)->blocked_by();
    if (blocked != leaving_.end()) set_state(TaskState::busy);
    co_await world_.volumes.ended().wait();
  }
  problem_.clear();
}

}  // namespace mooring::agent::act
