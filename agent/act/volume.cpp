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
  if (!running_ || backend_name_.empty()) return std::nullopt;
  const auto others = users();
  const std::string held = "already in use by task " + (others.empty() ? "" : others.front().task);
  const backends::Volume& wanted = wish.candidate.volume;
  const bool same_id = wanted.volume_id.empty() || volume_.volume_id.empty() || wanted.volume_id == volume_.volume_id;
  if (wish.candidate.backend != backend_name_ || !same_id)
    return decide::Failure{decide::Verdict::mount_failed,
                           "another volume of this name, " + volume_.volume_id + ", is " + held};
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
  view_.may_format = wish.candidate.may_format;
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
  if (wanted && !view_.wanted) {
    stop_ = {};
    stages_.clear();
    force_ = false;
    view_.blocked = false;
    blocked_by_.clear();
    holders_.clear();
    adopt(*pending->second.wish);
  }
  // A claim alone brings nothing here, but it keeps what is.
  const bool claimed = std::ranges::any_of(users_, [](const auto& user) { return !user.second.wish; });
  view_.wanted = wanted || (view_.wanted && claimed);
}

void Volume::settle(Outcome outcome) {
  for (auto& [key, seat] : users_) {
    if (!seat.wish || seat.outcome == Outcome::failed) continue;
    seat.outcome = outcome;
    if (outcome == Outcome::failed) seat.failure = failure_;
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
    if (step == Step::failed) {
      self->settle(Outcome::failed);
      self->view_.failed = false;
    }
    if (step == Step::ready) self->settle(Outcome::ready);
    if (step == Step::gone) self->forget_observations();
    self->changed_.notify();
    if (step == Step::gone && self->users_.empty()) break;
    if (step == Step::failed) continue;  // nobody's wish is left: the way back begins
    self->any_ended_.notify();
    co_await self->rest(step);
  }
  self->running_ = false;
  self->from_ledger_ = false;
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
}

void Volume::forget_observations() {
  view_ = {};
  leave_first_ = false;
  backend_name_.clear();
  look_ = {};
  disk_.reset();
  content_.reset();
  mounted_.reset();
  usage_ = {};
  patience_ = kFirstPatience;
}

}  // namespace mooring::agent::act
