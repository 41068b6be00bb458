#include "agent/act/volume.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/act/look.h"

namespace mooring::agent::act {

using decide::Step;
using decide::VolumeView;

namespace {

// A refused release is tried again when one of those in the way ends, and from time to time, because a working
// directory that is left or a file that is closed tells nobody.
constexpr Clock::duration kFirstPatience = std::chrono::milliseconds(250);
constexpr Clock::duration kLongestPatience = std::chrono::seconds(10);

}  // namespace

Volume::Volume(Services& services, Signal& any_ended, std::string name)
    : services_(services),
      any_ended_(any_ended),
      name_(std::move(name)),
      patience_(kFirstPatience),
      changed_(services.executor),
      wake_(services.executor) {}

Volume::Volume(Services& services, Signal& any_ended, const state::VolumeRecord& record)
    : Volume(services, any_ended, record.name) {
  backend_name_ = record.backend;
  volume_ = record.volume;
  from_ledger_ = true;
  view_.recorded = true;
  view_.attached_by_us = record.attached_by_us;
  view_.look_known = record.look_known;
  existed_ = record.look_known;
  if (record.look_known) look_ = to_disk_look(record.look);
}

void Volume::claim(const UserKey& user) { users_.try_emplace(user); }

void Volume::join(const UserKey& user, Wish wish) {
  Seat seat;
  if (auto failure = mismatch(wish)) {
    if (users().empty()) {
      leave_first_ = true;  // on its way out, and not as it is wanted now: it goes, and comes again
    } else {
      seat.outcome = Outcome::failed;
      seat.failure = *std::move(failure);
    }
  }
  seat.wish = std::move(wish);
  users_[user] = std::move(seat);
  // At rest, what was seen may be long ago; under way, the steps have just seen it.
  if (running_ && decide::is_end(step_)) look_afresh();
  start();
  wake();
}

void Volume::leave(const UserKey& user, bool force) {
  users_.erase(user);
  if (users_.empty()) {
    force_ = force;
    stop_.request_stop();  // a mkfs or fsck for nobody
    start();
  }
  wake();
}

void Volume::retry(bool force) {
  force_ = force_ || (force && users_.empty());
  view_.blocked = false;
  wake();
}

void Volume::start() {
  if (running_) return;
  running_ = true;
  boost::asio::co_spawn(services_.executor, run(shared_from_this()), [](const std::exception_ptr& bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

void Volume::wake() {
  wake_.notify();
  services_.node.devices_changed().notify();  // whoever waits for a device looks whether it is still wanted
}

Volume::Outcome Volume::outcome(const UserKey& user) const {
  const auto seat = users_.find(user);
  return seat == users_.end() ? Outcome::pending : seat->second.outcome;
}

const decide::Failure& Volume::failure(const UserKey& user) const { return users_.at(user).failure; }

std::vector<UserKey> Volume::users() const {
  std::vector<UserKey> keys;
  for (const auto& [key, seat] : users_)
    if (seat.wish && seat.outcome != Outcome::failed) keys.push_back(key);
  return keys;
}

std::optional<decide::Failure> Volume::mismatch(const Wish& wish) const {
  if (backend_name_.empty() || leave_first_) return std::nullopt;
  const auto others = users();
  const std::string held = "already in use by task " + (others.empty() ? "" : others.front().task);
  const backends::Volume& wanted = wish.candidate.volume;
  const bool same_id = wanted.volume_id.empty() || volume_.volume_id.empty() || wanted.volume_id == volume_.volume_id;
  if (wish.candidate.backend != backend_name_ || !same_id)
    return decide::Failure{decide::Verdict::mount_failed,
                           "another volume of this name, " + volume_.volume_id + ", is " + held};
  if (!running_) return std::nullopt;  // as the ledger has it: how it is mounted will be looked at
  if (view_.read_only && !wish.read_only && !wanted.read_only)
    return decide::Failure{decide::Verdict::mount_failed,
                           held + ", which mounted it read-only; release that task, or ask for read_only"};
  if (wish.options != options_)
    return decide::Failure{decide::Verdict::mount_failed, held + " with other mount options"};
  if (!wish.candidate.fs.empty() && mounted_ && mounted_->fs != wish.candidate.fs)
    return decide::Failure{decide::Verdict::unsafe_filesystem,
                           "has " + mounted_->fs + ", but " + wish.candidate.fs + " was asked for"};
  return std::nullopt;
}

void Volume::adopt(const Wish& wish) {
  backend_name_ = wish.candidate.backend;
  volume_ = wish.candidate.volume;
  wanted_fs_ = wish.candidate.fs;
  options_ = wish.options;
  view_.read_only = wish.read_only || volume_.read_only;
  if (!view_.look_known && wish.candidate.look) {
    look_ = to_disk_look(*wish.candidate.look);
    view_.look_known = true;
  }
  // "Detached" saves a question; if it is not true any more, the attach says so. "Here" may be our own attachment of a
  // moment ago, on its way out: that is asked again, unless the disk is really there.
  if (!view_.attachment && wish.candidate.attachment == backends::Attachment::detached)
    view_.attachment = backends::Attachment::detached;
}

void Volume::adopt_goal() {
  const auto pending = std::ranges::find_if(
      users_, [](const auto& user) { return user.second.wish && user.second.outcome != Outcome::failed; });
  const bool wanted = pending != users_.end() && !leave_first_;
  if (wanted && (!view_.wanted || readopt_)) {
    look_afresh();
    readopt_ = false;
    stop_ = {};
    stages_.clear();
    force_ = false;
    view_.blocked = false;
    blocked_by_.clear();
    holders_.clear();
    adopt(*pending->second.wish);
  }
  // A claim alone brings nothing here, but it keeps what is.
  const bool stays = wanted || (view_.wanted && claimed() && !leave_first_);
  if (view_.wanted && !stays) {
    look_afresh_on_the_way_back();
  }
  view_.wanted = stays;
  view_.may_format = std::ranges::any_of(users_, [](const auto& user) {
    return user.second.wish && user.second.outcome != Outcome::failed && user.second.wish->candidate.may_format;
  });
}

bool Volume::claimed() const {
  return std::ranges::any_of(users_, [](const auto& user) { return !user.second.wish; });
}

/// What was observed is true for a moment only: other disks get the same device number, others mount and unmount.
void Volume::look_afresh() {
  view_.attachment.reset();
  view_.disk = VolumeView::Disk::unknown;
  view_.stage = VolumeView::Stage::unknown;
  view_.content = VolumeView::Content::unknown;
  view_.checked = view_.unused = false;
  disk_.reset();
  content_.reset();
}

/// What the provider said holds: a detach of what is detached already does nothing.
void Volume::look_afresh_on_the_way_back() {
  const auto attachment = view_.attachment;
  look_afresh();
  view_.attachment = attachment;
}

/// Whether what is mounted is what this one asked for; those who came together may have asked for different things.
std::optional<decide::Failure> Volume::unfit(const Wish& wish) const {
  if (!wish.candidate.fs.empty() && mounted_->fs != wish.candidate.fs)  // rule 6
    return decide::Failure{decide::Verdict::unsafe_filesystem,
                           "has " + mounted_->fs + ", but " + wish.candidate.fs + " was asked for"};
  if (mounted_->read_only && !wish.read_only && !wish.candidate.volume.read_only)  // rule 12
    return decide::Failure{decide::Verdict::mount_failed, "is mounted read-only, for a goal that asked for it so"};
  if (wish.options != options_)
    return decide::Failure{decide::Verdict::mount_failed, "is mounted with the options of another task"};
  return std::nullopt;
}

void Volume::settle(Outcome outcome) {
  for (auto& [key, seat] : users_) {
    if (!seat.wish || seat.outcome == Outcome::failed) continue;
    seat.outcome = outcome;
    if (outcome == Outcome::failed) seat.failure = failure_;
    auto failure = outcome == Outcome::ready ? unfit(*seat.wish) : std::nullopt;
    if (!failure) continue;
    seat.outcome = Outcome::failed;
    seat.failure = *std::move(failure);
  }
}

void Volume::set_step(Step step) {
  const auto now = Clock::now();
  if (!decide::is_end(step_)) stages_[std::string(decide::stage_name(step_))] += seconds(now - step_since_);
  const bool same = step == step_;
  if (decide::stage_name(step) != decide::stage_name(step_))
    services_.events.add(wall_clock(), "volume.stage", {{"volume", name_}, {"stage", decide::stage_name(step)}});
  step_ = step;
  step_since_ = now;
  if (!same || decide::is_end(step)) changed_.notify();
}

boost::asio::awaitable<void> Volume::run(std::shared_ptr<Volume> self) {
  for (;;) {
    self->adopt_goal();
    const Step step = decide::next_step(self->view_);
    self->set_step(step);
    if (!decide::is_end(step)) {
      co_await self->take(step);
      continue;
    }
    if (step == Step::failed) self->settle(Outcome::failed);
    if (step == Step::ready) self->settle(Outcome::ready);
    if (step == Step::gone) self->forget_observations();
    self->changed_.notify();
    if (step == Step::gone && self->users_.empty()) break;
    if (step == Step::failed && !self->claimed()) {  // nobody's wish is left: the way back begins
      self->view_.failed = false;
      continue;
    }
    if (step == Step::gone && std::exchange(self->leave_first_, false)) continue;  // and comes again
    self->any_ended_.notify();
    co_await self->rest(step);
    self->view_.failed = false;
    self->readopt_ = step == Step::failed;
  }
  self->running_ = false;
  self->changed_.notify();
  self->any_ended_.notify();
}

boost::asio::awaitable<void> Volume::rest(Step end) {
  // Between the look at the goal and here nothing else ran, so no change of it is missed.
  if (end != Step::blocked) {
    co_await wake_.wait();
    co_return;
  }
  co_await wake_.wait_until(Clock::now() + patience_);
  patience_ = std::min(patience_ * 2, kLongestPatience);
  holder_watches_.clear();
  view_.blocked = false;
  look_afresh_on_the_way_back();
}

void Volume::forget_observations() {
  view_ = {};
  from_ledger_ = existed_ = false;
  backend_name_.clear();
  look_ = {};
  disk_.reset();
  content_.reset();
  mounted_.reset();
  usage_ = {};
  patience_ = kFirstPatience;
}

}  // namespace mooring::agent::act
