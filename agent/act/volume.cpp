#include "agent/act/volume.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "agent/act/look.h"
#include "agent/act/volumes.h"

namespace mooring::agent::act {

using backends::Attachment;
using decide::Step;
using decide::VolumeView;

namespace {

// A refused release is tried again when one of those in the way ends, and from time to time, because a working
// directory that is left or a file that is closed tells nobody.
constexpr Clock::duration kFirstPatience = std::chrono::milliseconds(250);
constexpr Clock::duration kLongestPatience = std::chrono::seconds(10);

}  // namespace

Volume::Volume(Services& services, Volumes& all, std::string name)
    : services_(services),
      all_(all),
      name_(std::move(name)),
      patience_(kFirstPatience),
      changed_(services.executor),
      wake_(services.executor) {}

Volume::Volume(Services& services, Volumes& all, const state::VolumeRecord& record)
    : Volume(services, all, record.name) {
  formed_ = true;
  form_ = {record.backend, record.volume, record.read_only, record.options};
  from_ledger_ = true;
  view_.recorded = true;
  view_.attached_by_us = was_ours_ = record.attached_by_us;
  view_.look_known = record.look_known;
  protected_ = record.write_protected;
  existed_ = record.look_known;
  if (record.look_known) look_ = to_disk_look(record.look);
}

bool Volume::anybody(bool (Seat::*is)() const) const {
  return std::ranges::any_of(users_, [is](const auto& user) { return (user.second.*is)(); });
}

bool Volume::needed() const { return anybody(&Seat::needs_it); }

/// A task that has the volume.
std::string Volume::somebody() const {
  const auto found = std::ranges::find_if(users_, [](const auto& user) { return user.second.needs_it(); });
  return found == users_.end() ? "" : found->first.task;
}

std::vector<UserKey> Volume::users() const {
  std::vector<UserKey> keys;
  for (const auto& [key, seat] : users_)
    if (seat.is_live()) keys.push_back(key);
  return keys;
}

std::vector<const decide::Wish*> Volume::pending_wishes() const {
  std::vector<const decide::Wish*> wishes;
  for (const auto& [key, seat] : users_)
    if (seat.is_pending()) wishes.push_back(&*seat.wish);
  return wishes;
}

bool Volume::may_stand() const {
  if (!view_.recorded || view_.stage == VolumeView::Stage::free) return false;
  return view_.stage == VolumeView::Stage::unknown || stood_;
}

std::optional<decide::Failure> Volume::misfit_of_form(const decide::Wish& wish) const {
  if (next_) return misfit(next_->form, wish, next_->task);
  if (!formed_ || !needed()) return std::nullopt;
  return misfit(form_, wish, somebody());
}

std::optional<decide::Failure> Volume::refusal(const decide::Wish& wish) const {
  auto why = misfit_of_form(wish);
  if (!why && mounted_ && needed()) why = misfit(*mounted_, wish);
  return why;
}

/// Judges a wish by those who came before it; what is mounted will be looked at.
void Volume::take_seat(const UserKey& user, Seat& seat) {
  auto why = misfit_of_form(*seat.wish);
  if (why && seat.had && !next_) {
    // Whether what it had stands is not known yet: it is judged by what is mounted when that has been looked at.
  } else if (why) {
    seat.outcome = Outcome::failed;
    seat.failure = *std::move(why);
  } else if (next_) {
    seat.waits = true;
  } else if (!formed_) {
    formed_ = true;
    form_ = form_of(*seat.wish);
  } else if (!needed() && misfit(form_, *seat.wish, "")) {
    // It is on its way out, and not as it is wanted now: it goes, and comes again.
    seat.waits = true;
    next_ = Next{form_of(*seat.wish), user.task};
  }
}

void Volume::forget_next_if_nobody_waits() {
  if (std::ranges::none_of(users_, [](const auto& one) { return one.second.waits; })) next_.reset();
}

void Volume::claim(const UserKey& user) {
  users_[user] = {};
  forget_next_if_nobody_waits();
  wake();
}

void Volume::join(const UserKey& user, decide::Wish wish, bool had) {
  users_.erase(user);  // what it had, or claimed, is no reason to refuse it
  forget_next_if_nobody_waits();
  Seat seat;
  seat.had = had;
  seat.wish = std::move(wish);
  take_seat(user, seat);
  users_[user] = std::move(seat);
  // At rest, what was seen may be long ago; under way, the steps have just seen it.
  if (running_ && decide::is_end(step_)) look_afresh();
  start();
  wake();
}

void Volume::leave(const UserKey& user, bool force) {
  users_.erase(user);
  forget_next_if_nobody_waits();
  if (!needed()) {
    force_ = force_ || force;
    stop_.request_stop();  // a mkfs or fsck for nobody
    start();
  }
  wake();
}

void Volume::retry(bool force) {
  force_ = force_ || (force && !needed());
  view_.blocked = false;
  wake();
}

void Volume::start() {
  if (running_) return;
  running_ = true;
  // Not at once, which co_spawn would be: whoever joins writes down its choice after that, and the two have to reach
  // the ledger together.
  boost::asio::post(services_.executor, [self = shared_from_this()] {
    boost::asio::co_spawn(self->services_.executor, run(self), [](const std::exception_ptr& bug) {
      if (bug) std::rethrow_exception(bug);
    });
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

bool Volume::keeps(const UserKey& user) const {
  const auto seat = users_.find(user);
  return seat != users_.end() && seat->second.keeps;
}

bool Volume::waits(const UserKey& user) const {
  const auto seat = users_.find(user);
  return seat != users_.end() && seat->second.waits;
}

const decide::Failure& Volume::failure(const UserKey& user) const { return users_.at(user).failure; }

bool Volume::goal_changed() const {
  const bool wanted = anybody(&Seat::is_live);
  return view_.wanted != wanted || view_.held != (!wanted && needed());
}

void Volume::look_at_the_goal() {
  const bool wanted = anybody(&Seat::is_live);
  const bool held = !wanted && needed();
  if (wanted && !view_.wanted) begin();
  if (!wanted && !held && (view_.wanted || view_.held)) look_afresh_on_the_way_back();
  view_.wanted = wanted;
  view_.held = held;
  view_.read_only = form_.read_only;
  const auto wishes = pending_wishes();
  view_.may_format = std::ranges::any_of(wishes, [](const auto* wish) { return may_format(*wish); });
  // Those who were there at a failure have been told of it; who has come since may have better luck.
  if (step_ == Step::failed && view_.failed && !wishes.empty()) {
    view_.failed = false;
    look_afresh();
  }
}

/// The way to ready begins.
void Volume::begin() {
  look_afresh();
  stop_ = {};
  stages_.clear();
  measuring_ = true;
  force_ = view_.blocked = view_.failed = false;
  blocked_by_.clear();
  holders_.clear();
  const auto wishes = pending_wishes();
  if (wishes.empty()) return;
  const decide::Candidate& candidate = wishes.front()->candidate;
  if (!view_.look_known && candidate.look) {
    look_ = to_disk_look(*candidate.look);
    view_.look_known = true;
  }
  // "Detached" saves a question and a search; if it is not true any more, the attach says so. "Here" may be our own
  // attachment of a moment ago, on its way out: that is asked again, unless the disk is really there.
  if (candidate.attachment != backends::Attachment::detached || view_.recorded) return;
  view_.attachment = backends::Attachment::detached;
  view_.disk = VolumeView::Disk::absent;
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
  doubt_the_lists();
}

/// A run that was killed may have asked for it just before: that it is not listed yet is no proof, so it is taken back
/// unasked.
void Volume::doubt_the_lists() {
  if (was_ours_ && view_.attachment == Attachment::detached) view_.attachment = Attachment::arriving;
}

/// Those who came together may have asked for different things.
void Volume::settle_ready() {
  for (auto& [key, seat] : users_) {
    if (!seat.is_pending()) continue;
    auto why = misfit(form_, *seat.wish, somebody());
    if (!why) why = misfit(*mounted_, *seat.wish);
    seat.outcome = why ? Outcome::failed : Outcome::ready;
    seat.keeps = why && seat.had && stood_;
    if (why) seat.failure = *std::move(why);
  }
  measuring_ = false;
}

/// On the way back, for somebody who had it and wants it otherwise now: what is mounted is not taken away for that.
/// False: nothing of the kind.
bool Volume::leave_it_standing() {
  const bool stands =
      std::ranges::any_of(users_, [](const auto& user) { return user.second.waits && user.second.had; });
  if (!stands || force_) return false;
  for (auto& [key, seat] : users_) {
    if (!seat.waits) continue;
    seat.failure = {decide::Verdict::mount_failed,
                    "is mounted already, read-only or with other options than asked for now; it stays as it is until "
                    "it is released or the instance boots anew"};
    seat.outcome = Outcome::failed;
    seat.waits = false;
    seat.keeps = seat.had;
  }
  next_.reset();
  return true;
}

/// Only who has asked is answered: a look on behalf of one takes nothing from another.
void Volume::settle_failed() {
  for (auto& [key, seat] : users_) {
    if (!seat.is_pending()) continue;
    seat.outcome = Outcome::failed;
    seat.failure = failure_;
    seat.keeps = seat.had && may_stand();
  }
}

/// Nothing of it is left here. Those who waited for that are next.
void Volume::come_to_nothing() {
  view_ = {};
  formed_ = from_ledger_ = existed_ = recording_ = stood_ = stuck_ = was_ours_ = protected_ = false;
  form_ = {};
  look_ = {};
  disk_.reset();
  content_.reset();
  mounted_.reset();
  usage_ = {};
  patience_ = kFirstPatience;
  if (!next_) return;
  formed_ = true;
  form_ = std::exchange(next_, std::nullopt)->form;
  for (auto& [key, seat] : users_) seat.waits = false;
}

void Volume::set_step(Step step) {
  const auto now = Clock::now();
  if (measuring_ && !decide::is_end(step_))
    stages_[std::string(decide::stage_name(step_))] += seconds(now - step_since_);
  const bool same = step == step_;
  if (decide::stage_name(step) != decide::stage_name(step_)) {
    boost::json::object data{{"volume", name_}, {"stage", decide::stage_name(step)}};
    if (step == Step::failed) {
      data["verdict"] = decide::to_string(failure_.verdict);
      data["detail"] = failure_.detail;
    }
    if (step == Step::blocked) data["detail"] = blocked_by_;
    services_.events.add(wall_clock(), "volume.stage", std::move(data));
  }
  step_ = step;
  step_since_ = now;
  if (!same || decide::is_end(step)) changed_.notify();
}

boost::asio::awaitable<void> Volume::run(std::shared_ptr<Volume> self) {
  for (;;) {
    self->look_at_the_goal();
    const Step step = decide::next_step(self->view_);
    if (step == Step::unmount && self->leave_it_standing()) {
      self->changed_.notify();
      continue;
    }
    self->set_step(step);
    if (!decide::is_end(step)) {
      co_await self->take(step);
      continue;
    }
    if (step == Step::ready) self->settle_ready();
    if (step == Step::failed) self->settle_failed();
    if (step == Step::gone) self->come_to_nothing();
    self->changed_.notify();
    if (step == Step::gone && self->users_.empty()) break;
    self->all_.ended().notify();
    if (self->goal_changed()) continue;  // the way back begins, or the next way here
    co_await self->rest(step);
  }
  self->running_ = false;
  self->changed_.notify();
  self->all_.ended().notify();
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

}  // namespace mooring::agent::act
