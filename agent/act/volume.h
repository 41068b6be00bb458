// One volume on this instance: brought here, mounted once for all who want it, and taken away when the last one leaves.
#pragma once

#include <compare>
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
#include "agent/decide/resolver.h"

namespace mooring::agent::act {

/// A mount of a task.
struct UserKey {
  std::string task;
  std::string path;
  auto operator<=>(const UserKey&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 misreads it
};

/// What a mount wants of a volume.
struct Wish {
  decide::Candidate candidate;
  bool read_only = false;
  std::vector<std::string> options;
};

class Volume : public std::enable_shared_from_this<Volume> {
 public:
  enum class Outcome { pending, ready, failed };

  Volume(Services& services, Signal& any_ended, std::string name);
  /// As an earlier run of the daemon wrote it down.
  Volume(Services& services, Signal& any_ended, const state::VolumeRecord& record);

  /// Keeps a recorded volume as it is until its task has made up its mind.
  void claim(const UserKey& user);
  void join(const UserKey& user, Wish wish);
  /// `force`: unmount even if somebody still uses it.
  void leave(const UserKey& user, bool force);
  /// Lets the reconciler run if it does not: needed once for a volume of the ledger that nobody wants any more.
  void start();
  /// A release that was refused is tried again now.
  void retry(bool force);

  [[nodiscard]] Outcome outcome(const UserKey& user) const;
  /// Of a user whose outcome is `failed`.
  [[nodiscard]] const decide::Failure& failure(const UserKey& user) const;
  [[nodiscard]] bool has_users() const { return !users_.empty(); }
  [[nodiscard]] bool gone() const { return !running_ && users_.empty(); }
  [[nodiscard]] bool blocked() const { return step_ == decide::Step::blocked; }

  // For showing.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Written down as ours to take away.
  [[nodiscard]] bool recorded() const { return view_.recorded; }
  [[nodiscard]] decide::Step step() const { return step_; }
  [[nodiscard]] Clock::time_point step_since() const { return step_since_; }
  [[nodiscard]] const std::string& backend() const { return backend_name_; }
  [[nodiscard]] const backends::Volume& description() const { return volume_; }
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
  struct Seat {
    std::optional<Wish> wish;  // none: only claimed
    Outcome outcome = Outcome::pending;
    decide::Failure failure;
  };

  static boost::asio::awaitable<void> run(std::shared_ptr<Volume> self);
  boost::asio::awaitable<void> rest(decide::Step end);
  void set_step(decide::Step step);
  void adopt_goal();
  void adopt(const Wish& wish);
  void look_afresh();
  void look_afresh_on_the_way_back();
  [[nodiscard]] bool claimed() const;
  [[nodiscard]] std::optional<decide::Failure> unfit(const Wish& wish) const;
  void settle(Outcome outcome);
  void forget_observations();
  [[nodiscard]] std::optional<decide::Failure> mismatch(const Wish& wish) const;
  void wake();

  // volume_steps.cpp: each takes one step and writes what came of it into the view.
  using Done = boost::asio::awaitable<void>;
  Done take(decide::Step step);
  Done find_disk();
  Done look_at_stage();
  Done describe();
  Done record();
  Done attach();
  Done await_disk();
  Done probe();
  Done refuse_blank();
  void refuse_other(const std::string& type);
  Done format();
  Done check();
  Done mount();
  Done grow();
  Done unmount();
  Done prove_unused();
  Done detach();
  Done forget();
  void fail(decide::Failure failure);
  void block(std::string reason);
  void give_up(decide::Failure failure);  // fail, or, on the way back, block
  [[nodiscard]] state::VolumeRecord state_record() const;
  Done name_the_holders(const mount::Device& device);
  [[nodiscard]] mount::Device stage_device() const;

  Services& services_;
  Signal& any_ended_;  // of all volumes: one of them came to an end of its steps
  const std::string name_;
  std::map<UserKey, Seat> users_;
  decide::VolumeView view_;
  decide::Failure failure_;
  decide::Step step_ = decide::Step::gone;
  Clock::time_point step_since_ = Clock::now();
  bool running_ = false;
  bool from_ledger_ = false;
  bool existed_ = false;  // the disk was seen by an earlier run: it is not to be made anew
  bool readopt_ = false;  // what was adopted has failed; the next wish counts
  bool force_ = false;
  bool leave_first_ = false;  // the next wish differs from what is here
  std::stop_source stop_;

  std::string backend_name_;
  backends::Volume volume_;
  std::string wanted_fs_;
  std::vector<std::string> options_;
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
