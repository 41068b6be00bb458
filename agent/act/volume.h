// One volume on this instance: brought here, mounted once for all who want it, and taken away when the last one leaves.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/act/process_watch.h"
#include "agent/act/services.h"
#include "agent/decide/next_step.h"
#include "agent/decide/sharing.h"

namespace mooring::agent::act {

class Volumes;

/// A mount of a task.
struct UserKey {
  std::string task;
  std::string path;
  auto operator<=>(const UserKey&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 misreads it
};

class Volume : public std::enable_shared_from_this<Volume> {
 public:
  enum class Outcome : std::uint8_t { pending, ready, failed };

  Volume(Services& services, Volumes& all, std::string name);
  /// As an earlier run of the daemon wrote it down.
  Volume(Services& services, Volumes& all, const state::VolumeRecord& record);

  /// Keeps a volume as it is until its task has made up its mind.
  void claim(const UserKey& user);
  /// Whoever had it before (`had`) goes on having it even if it turns out not to be as it should, until it leaves.
  void join(const UserKey& user, decide::Wish wish, bool had);
  /// `force`: unmount even if somebody still uses it.
  void leave(const UserKey& user, bool force);
  /// Lets the reconciler run if it does not: needed once for a volume of the ledger that nobody wants any more.
  void start();
  /// A release that was refused is tried again now.
  void retry(bool force);

  [[nodiscard]] Outcome outcome(const UserKey& user) const;
  /// Of a user whose outcome is `failed`.
  [[nodiscard]] const decide::Failure& failure(const UserKey& user) const;
  /// Why this wish would be refused now, because of those who have the volume; empty: it would not.
  [[nodiscard]] std::optional<decide::Failure> refusal(const decide::Wish& wish) const;
  /// It waits until what is here has gone, which will not do for it.
  [[nodiscard]] bool waits(const UserKey& user) const;
  /// It failed, but what it had before it asked may stand, and is kept for it.
  [[nodiscard]] bool keeps(const UserKey& user) const;
  /// Somebody has it, is to get it, or claims it.
  [[nodiscard]] bool needed() const;
  [[nodiscard]] bool gone() const { return !running_ && users_.empty(); }
  [[nodiscard]] bool blocked() const { return step_ == decide::Step::blocked; }
  /// It may be mounted here, as an earlier run or an earlier attempt left it: nothing is known to the contrary.
  [[nodiscard]] bool may_stand() const;
  /// The disk has been there: it is not to be made anew.
  [[nodiscard]] bool existed() const { return existed_; }
  /// It was found mounted, so it was not this attempt that mounted it.
  [[nodiscard]] bool stood() const { return stood_; }

  // For showing.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Written down as ours to take away, or about to be.
  [[nodiscard]] bool recorded() const { return view_.recorded || recording_; }
  [[nodiscard]] decide::Step step() const { return step_; }
  [[nodiscard]] Clock::time_point step_since() const { return step_since_; }
  [[nodiscard]] const std::string& backend() const { return form_.backend; }
  [[nodiscard]] const backends::Volume& description() const { return form_.volume; }
  [[nodiscard]] const std::optional<mount::Device>& device() const { return disk_; }
  [[nodiscard]] const std::optional<mount::MountEntry>& mounted() const { return mounted_; }
  [[nodiscard]] const mount::Usage& usage() const { return usage_; }
  [[nodiscard]] const std::map<std::string, double>& stages() const { return stages_; }
  [[nodiscard]] const std::string& blocked_by() const { return blocked_by_; }
  [[nodiscard]] const std::vector<mount::User>& holders() const { return holders_; }
  [[nodiscard]] bool attached_by_us() const { return view_.attached_by_us; }
  [[nodiscard]] std::vector<UserKey> users() const;

  /// Notified at each step and end.
  Signal& changed() { return changed_; }

 private:
  /// Somebody who wants it, or has it, or is about to learn that it cannot be had.
  struct Seat {
    std::optional<decide::Wish> wish;  // none: only claimed
    Outcome outcome = Outcome::pending;
    decide::Failure failure;
    bool had = false;    // before it asked this time
    bool waits = false;  // until what is here has gone: it wants it otherwise
    bool keeps = false;  // it failed, but what it had may stand

    [[nodiscard]] bool is_live() const { return wish && outcome != Outcome::failed && !waits; }
    [[nodiscard]] bool is_pending() const { return is_live() && outcome == Outcome::pending; }
    [[nodiscard]] bool needs_it() const { return !wish || is_live() || keeps; }
  };
  /// What comes after the present form, for whom it will not do.
  struct Next {
    decide::Form form;
    std::string task;
  };

  static boost::asio::awaitable<void> run(std::shared_ptr<Volume> self);
  boost::asio::awaitable<void> rest(decide::Step end);
  void set_step(decide::Step step);
  void look_at_the_goal();
  [[nodiscard]] bool goal_changed() const;
  void begin();
  void look_afresh();
  void look_afresh_on_the_way_back();
  void doubt_the_lists();
  void settle_ready();
  void settle_failed();
  bool leave_it_standing();
  void come_to_nothing();
  void take_seat(const UserKey& user, Seat& seat);
  void forget_next_if_nobody_waits();
  [[nodiscard]] std::optional<decide::Failure> misfit_of_form(const decide::Wish& wish) const;
  [[nodiscard]] bool anybody(bool (Seat::*is)() const) const;
  [[nodiscard]] std::string somebody() const;
  [[nodiscard]] std::vector<const decide::Wish*> pending_wishes() const;
  void wake();

  // volume_steps.cpp, volume_arrival.cpp and volume_release.cpp: each takes one step and writes what came of it into
  // the view.
  using Done = boost::asio::awaitable<void>;
  Done take(decide::Step step);
  Done find_disk();
  Done look_at_stage();
  Done describe();
  boost::asio::awaitable<backends::Result<backends::Description>> ask_provider();
  boost::asio::awaitable<backends::Result<backends::Description>> ask_until_it_has_left();
  Done record();
  Done attach();
  Done await_disk();
  Done ask_how_far(bool& listed);
  Done probe();
  Done refuse_blank();
  void refuse_other(const std::string& type);
  void refuse_blank_to_others();
  Done format();
  Done check();
  Done mount();
  Done grow();
  Done unmount();
  Done prove_unused();
  boost::asio::awaitable<bool> write_down_protection();
  Done end_protection(mount::Device device);
  Done detach();
  Done await_departure(Clock::time_point until);
  Done await_release();
  Done forget();
  void fail(decide::Failure failure);
  void block(std::string reason);
  void give_up(decide::Failure failure);  // fail, or, on the way back, block
  [[nodiscard]] state::VolumeRecord state_record() const;
  Done name_the_holders(const mount::Device& device);
  [[nodiscard]] mount::Device stage_device() const;

  Services& services_;
  Volumes& all_;
  const std::string name_;
  std::map<UserKey, Seat> users_;
  bool formed_ = false;
  decide::Form form_;  // empty as long as it is not formed
  std::optional<Next> next_;
  decide::VolumeView view_;
  decide::Failure failure_;
  decide::Step step_ = decide::Step::gone;
  Clock::time_point step_since_ = Clock::now();
  bool running_ = false;
  bool from_ledger_ = false;
  bool existed_ = false;    // the disk was seen by an earlier run: it is not to be made anew
  bool recording_ = false;  // the record is on its way to the disk
  bool stood_ = false;
  bool stuck_ = false;      // attached, but no device ever came
  bool was_ours_ = false;   // by the record of an earlier run
  bool protected_ = false;  // from writes, by us, as it is written down
  bool measuring_ = true;   // the way to ready, not the looks after it
  bool force_ = false;
  std::stop_source stop_;

  mount::DiskLook look_;
  std::optional<mount::Device> disk_;
  std::optional<mount::Content> content_;
  std::optional<mount::MountEntry> mounted_;
  mount::Usage usage_;
  std::map<std::string, double> stages_;

  std::string blocked_by_;
  std::vector<mount::User> holders_;
  std::vector<ProcessWatch> holder_watches_;
  Clock::duration patience_{};

  Signal changed_;
  Signal wake_;
};

}  // namespace mooring::agent::act
