#include "instance.h"

#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

namespace mooring::sim {

using namespace agent;

namespace {

state::Ledger opened(const std::string& directory) {
  auto ledger = state::Ledger::open(directory);
  if (!ledger) throw std::runtime_error(ledger.error().message);
  return std::move(ledger).value();
}

act::Settings settings() {
  return {.mount_root = "/mnt",
          .definitions_directory = "/nonexistent",
          .own_directories = {"/mnt"},
          .attach_timeout = seconds(90),
          .device_timeout = seconds(30),
          .task_timeout = seconds(300)};
}

}  // namespace

Daemon::Daemon(Machine& machine, const std::string& directory, std::vector<goal::Mount> host_mounts,
               bool location_known)
    : machine_(machine),
      world_of_all_(machine.world()),
      work_(context_.get_executor()),
      ledger_(opened(directory)),
      node_(context_.get_executor(), machine),
      writer_(context_.get_executor(), context_.get_executor(),
              [this](const std::vector<state::Change>& changes) { return commit(changes); }),
      events_(act::wall_clock()),
      here_(context_.get_executor()),
      services_{context_.get_executor(), here_, settings(), node_, writer_, events_},
      planner_(services_, context_.get_executor()),
      volumes_(services_),
      world_{services_, planner_, volumes_},
      tasks_(world_) {
  const auto snapshot = ledger_.load();
  if (!snapshot) throw std::runtime_error(snapshot.error().message);
  if (location_known) find_location();
  tasks_.restore(snapshot.value(), std::move(host_mounts));
}

void Daemon::find_location() {
  if (here_.known()) return;
  backends::Registry registry;
  registry["sim"] = std::make_unique<CloudBackend>(world_of_all_, machine_.cloud(), machine_);
  here_.settle(machine_.identity(), std::move(registry), {});
  tasks_.located();
}

state::Result<void> Daemon::commit(const std::vector<state::Change>& changes) {
  World& world = world_of_all_;
  if (world.fails(world.faults.ledger)) return state::Error{"the ledger cannot be written: no space left on device"};
  if (world.fails(world.faults.crash)) {
    machine_.crash_wanted = true;  // before
    return state::Error{"nobody is there to read this"};
  }
  std::vector<state::Change> kept = changes;
  if (world.sabotage.loses_tasks)
    std::erase_if(kept, [](const auto& change) { return std::holds_alternative<state::TaskRecord>(change); });
  if (world.sabotage.forgets)
    std::erase_if(kept, [](const auto& change) { return std::holds_alternative<state::VolumeRecord>(change); });
  auto done = ledger_.commit(kept);
  if (!done) world.violated("the ledger refuses: " + done.error().message);
  for (const state::Change& change : kept) {
    if (const auto* record = std::get_if<state::VolumeRecord>(&change)) {
      if (record->attached_by_us)
        machine_.recorded.insert(record->name);
      else
        machine_.recorded.erase(record->name);
    }
    if (const auto* forgotten = std::get_if<state::ForgetVolume>(&change)) machine_.recorded.erase(forgotten->name);
  }
  world.count("commits");
  if (world.fails(world.faults.crash)) machine_.crash_wanted = true;  // after
  return done;
}

bool Daemon::poll() {
  bool any = false;
  while (!machine_.crash_wanted && context_.poll_one() > 0) any = true;
  return any;
}

/// Asio looks at its timers when the kernel wakes it: a timer of real time, due now, does.
void Daemon::look_at_the_clock() {
  boost::asio::steady_timer kick(context_, seconds(0));
  bool looked = false;
  kick.async_wait([&looked](boost::system::error_code) { looked = true; });
  while (!looked) context_.poll_one();
}

void Daemon::acknowledge(act::LedgerWriter::Ticket ticket, std::function<void()> told) {
  auto work = [this, ticket, told = std::move(told)]() -> boost::asio::awaitable<void> {
    const auto written = co_await writer_.flush(ticket);
    if (written) told();
  };
  boost::asio::co_spawn(context_, std::move(work), [](const std::exception_ptr& bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

void Instance::start(bool location_known) {
  if (daemon_) return;
  world_.trace(name(), " moord starts");
  machine_.crash_wanted = false;
  daemon_ = std::make_unique<Daemon>(machine_, directory_, host_mounts, location_known);
}

void Instance::kill() {
  if (!daemon_) return;
  world_.trace(name(), " moord is killed");
  world_.count("kills");
  daemon_.reset();
  machine_.crash_wanted = false;
  for (auto& [id, request] : requests) request.fresh = false;
}

bool Instance::poll() {
  if (!daemon_) return false;
  const bool any = daemon_->poll();
  if (!machine_.crash_wanted) return any;
  kill();
  const bool reboots = world_.chance(0.2);
  if (reboots) machine_.reboot();
  world_.after(world_.between(seconds(1), seconds(reboots ? 60 : 5)), [this] { start(world_.chance(0.8)); });
  return true;
}

void Instance::put(const std::string& id, const goal::TaskGoal& goal) {
  if (!daemon_) return;
  goal::TaskGoal taken_for = goal;
  if (world_.sabotage.formats_unasked)
    for (goal::Definition& definition : taken_for.definitions) definition.init_fs = true;
  const auto outcome = daemon_->tasks().put(id, taken_for);
  const auto* taken = std::get_if<act::Tasks::Taken>(&outcome);
  if (!taken) return;
  Request& request = requests[id];
  if (taken->is_new) {
    request = {};
    request.goal = goal;
    request.began = world_.now();
    world_.count("tasks");
    for (const goal::Definition& definition : goal.definitions)
      for (const goal::Mount& mount : goal.mounts)
        if (definition.init_fs && !mount.read_only &&
            std::ranges::find(mount.names, definition.name) != mount.names.end())
          machine_.format_permitted[definition.name].insert(id);
  } else {
    request.fresh = false;
  }
  world_.trace(name(), " put ", id, taken->is_new ? "" : " again");
  daemon_->acknowledge(taken->task->ticket(), [this, id] { requests[id].accepted = true; });
}

void Instance::release(const std::string& id, bool force) {
  if (!daemon_) return;
  const auto task = daemon_->tasks().find(id);
  if (!task) return;
  world_.trace(name(), force ? " release --force " : " release ", id);
  task->release(force);
  requests[id].release_wanted = true;
  daemon_->acknowledge(task->ticket(), [this, id] { requests[id].release_accepted = true; });
}

}  // namespace mooring::sim
