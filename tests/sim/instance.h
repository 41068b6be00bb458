// A machine with moord on it: the agent's own code, wired as in moord.cpp, over a simulated machine, cloud and clock.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "agent/act/tasks.h"
#include "agent/state/ledger.h"
#include "node.h"

namespace mooring::sim {

/// One life of moord, from its start until it is killed.
class Daemon {
 public:
  /// `directory`: of the ledger, on a real disk.
  Daemon(Machine& machine, const std::string& directory, std::vector<agent::goal::Mount> host_mounts,
         bool location_known);

  /// Runs what is ready to run, until nothing is or moord is to die. False: nothing was.
  bool poll();
  /// Time has passed.
  void look_at_the_clock();
  void find_location();

  agent::act::Tasks& tasks() { return tasks_; }
  /// Answers the client when all that was said so far is on disk.
  void acknowledge(agent::act::LedgerWriter::Ticket ticket, std::function<void()> told);

 private:
  agent::state::Result<void> commit(const std::vector<agent::state::Change>& changes);

  Machine& machine_;
  World& world_of_all_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  agent::state::Ledger ledger_;
  SimNode node_;
  agent::act::LedgerWriter writer_;
  agent::state::Events events_;
  agent::act::Here here_;
  agent::act::Services services_;
  agent::act::Planner planner_;
  agent::act::Volumes volumes_;
  agent::act::Task::World world_;
  agent::act::Tasks tasks_;
};

/// What a client has asked this instance for, and was told.
struct Request {
  agent::goal::TaskGoal goal;
  bool accepted = false;  // on disk: it may not get lost
  bool release_wanted = false;
  bool release_accepted = false;  // on disk: it may not come back
  bool fresh = true;              // never ready, never over a restart: nothing is preferred to the written order
  Moment began;                   // the attempt
  std::map<std::string, std::string> has;  // path → volume, since it was ready
  agent::act::TaskState seen = agent::act::TaskState::preparing;
};

class Instance {
 public:
  Instance(World& world, Cloud& cloud, backends::Identity identity, std::string directory)
      : world_(world), machine_(world, cloud, std::move(identity)), directory_(std::move(directory)) {}

  Machine& machine() { return machine_; }
  [[nodiscard]] const std::string& name() const { return machine_.name(); }
  [[nodiscard]] bool is_up() const { return daemon_ != nullptr; }
  Daemon& daemon() { return *daemon_; }

  void start(bool location_known = true);
  void kill();
  /// False: nothing was ready to run. Kills moord where that is due, and starts it again a little later.
  bool poll();
  void look_at_the_clock() {
    if (daemon_) daemon_->look_at_the_clock();
  }

  // A client's calls; they do nothing while moord is down.
  void put(const std::string& id, const agent::goal::TaskGoal& goal);
  void release(const std::string& id, bool force);

  std::map<std::string, Request> requests;
  std::vector<agent::goal::Mount> host_mounts;

 private:
  World& world_;
  Machine machine_;
  const std::string directory_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace mooring::sim
