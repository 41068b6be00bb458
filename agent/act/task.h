// One task: its mounts, all or nothing, from the goal to its release.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "agent/act/planner.h"
#include "agent/act/process_watch.h"
#include "agent/act/volumes.h"

namespace mooring::agent::act {

inline constexpr std::string_view kHostTask = "host";  // the instance's own mounts; its paths are paths of the host

enum class TaskState : std::uint8_t { preparing, ready, degraded, failed, releasing, busy, released };
enum class MountState : std::uint8_t { waiting, preparing, mounted, failed, left_out, not_tried, releasing, released };

/// How long it is waited for that something is undone; the undoing goes on after that.
inline constexpr Clock::duration kUndoTime = std::chrono::seconds(30);

std::string_view to_string(TaskState state);
std::string_view to_string(MountState state);

/// A mount of a task, and how far it is.
struct MountRun {
  MountPlan plan;
  MountState state = MountState::waiting;
  std::optional<std::size_t> current;  // the candidate that is being tried, or was chosen
  std::shared_ptr<Volume> volume;      // while this mount uses it
  std::shared_ptr<Volume> had;         // before this attempt, until it is given back
  std::string source;                  // once it is mounted: where, on the host
  bool read_only = false;              // as it is mounted there
  std::string problem;                 // of an instance path or of the bind
  /// What it has was there before this attempt, so the attempt does not take it away when it fails.
  bool stood = false;
  std::optional<state::BindRecord> bound;  // at a path of the host
};

class Task : public std::enable_shared_from_this<Task> {
 public:
  struct World {
    Services& services;
    Planner& planner;
    Volumes& volumes;
  };

  Task(World& world, std::string id, goal::TaskGoal goal, state::OwnerRecord owner);
  /// As an earlier run of the daemon wrote it down.
  Task(World& world, const state::TaskRecord& record, goal::TaskGoal goal);

  /// Before start(): the volume a mount had, the binds that were made.
  void had(const state::ChoiceRecord& choice);
  void had(const state::BindRecord& bind);
  /// Before start(): a volume that the run before may have been taking away from this task.
  void was_leaving(std::shared_ptr<Volume> volume) { left_over_.push_back(std::move(volume)); }
  /// Before start(): what it has is kept, even if not all of it can be had again.
  void was_ready();
  /// Before start(): the goal cannot be read any more. What it has stays until it is released.
  void cannot_be_read();

  /// Begins, or goes on, to bring the goal about. `ended` is called when the task is released and forgotten.
  void start(std::function<void()> ended);
  /// The same goal again: a failed task tries again, one that is ready looks whether it still is.
  void put_again();
  void release(bool force);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const goal::TaskGoal& goal() const { return goal_; }
  [[nodiscard]] TaskState state() const { return state_; }
  [[nodiscard]] bool looking() const { return looking_; }
  [[nodiscard]] bool moving() const {
    return looking_ || state_ == TaskState::preparing || state_ == TaskState::releasing;
  }
  [[nodiscard]] bool to_be_released() const { return releasing_; }
  [[nodiscard]] const std::vector<MountRun>& mounts() const { return mounts_; }
  [[nodiscard]] const std::optional<boost::json::object>& outcome() const { return outcome_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] bool is_host() const { return id_ == kHostTask; }
  /// Of the last change of it in the ledger.
  [[nodiscard]] LedgerWriter::Ticket ticket() const { return ticket_; }
  Signal& changed() { return changed_; }

 private:
  using Done = boost::asio::awaitable<void>;
  static Done run(std::shared_ptr<Task> self, std::function<void()> ended);
  Done prepare();
  Done await_location();
  Done look_again();
  Done give_up();
  Done release_all();
  Done await_released_or_busy();
  Done wait_for_change();
  void back_off();
  void set_state(TaskState state);
  void write(state::Change change);
  void write_down(state::TaskPhase phase);
  /// That its goal stands.
  void write_down_goal() { write_down(was_ready_ ? state::TaskPhase::kept : state::TaskPhase::wanted); }

  // task_mounts.cpp
  Done run_mounts();
  Done run_mount(MountRun& mount);
  Done run_instance_path(MountRun& mount);
  boost::asio::awaitable<bool> try_candidate(MountRun& mount, decide::Candidate& candidate);
  Done await_volume(const MountRun& mount, bool& late);
  void give_back(MountRun& mount);
  void keep_what_was_not_tried();
  void keep_nothing_of_a_half();
  void remember_what_it_has();
  void keep_what_it_had();
  void drop_old_choices();
  void let_go(const std::shared_ptr<Volume>& volume, const UserKey& user);
  void stop_attempt();
  Done await_leaving(Clock::time_point deadline);
  [[nodiscard]] Clock::time_point limit(const MountRun& mount, const Volume& volume, Clock::time_point began) const;
  [[nodiscard]] UserKey user(const MountRun& mount) const { return {id_, mount.plan.mount.path}; }

  // task_binds.cpp
  boost::asio::awaitable<std::optional<decide::Failure>> bind(MountRun& mount, std::string source);
  boost::asio::awaitable<bool> unbind_all(bool standing_too);
  boost::asio::awaitable<bool> unbind(const state::BindRecord& bind);
  Done unbind_abandoned();
  [[nodiscard]] bool is_abandoned(const state::BindRecord& bind) const;
  [[nodiscard]] bool has_abandoned_binds() const;

  World& world_;
  Services& services_;
  const std::string id_;
  const goal::TaskGoal goal_;
  const state::OwnerRecord owner_;
  std::int64_t created_ = wall_clock();
  std::optional<ProcessWatch> owner_watch_;
  std::map<std::string, std::string> chosen_;     // path → volume, before this attempt
  std::vector<state::BindRecord> old_binds_;      // before this attempt, or not wanted any more
  std::vector<std::shared_ptr<Volume>> leaving_;  // given back, and maybe not gone yet
  // By the run before; maybe another task's, so they are only waited for.
  std::vector<std::shared_ptr<Volume>> left_over_;
  TaskState state_ = TaskState::preparing;
  std::vector<MountRun> mounts_;
  std::map<std::string, decide::Failure> dead_backends_;  // denied or unreachable: not asked again for this attempt
  std::map<std::string, std::set<std::string>> existed_;  // path → volumes that have been here for it
  std::size_t running_ = 0;
  bool stopping_ = false;  // this attempt is over
  bool looking_ = false;   // whether what is ready still is
  bool was_ready_ = false;
  bool releasing_ = false;  // the goal is over
  bool force_ = false;
  Clock::time_point deadline_;
  Clock::duration back_off_{};
  Clock::time_point next_try_;
  LedgerWriter::Ticket ticket_ = 0;
  std::optional<boost::json::object> outcome_;
  std::string problem_;
  Signal changed_;
};

}  // namespace mooring::agent::act
