#include "simulation.h"

#include <exception>
#include <filesystem>
#include <memory>
#include <vector>

#include "cloud.h"
#include "instance.h"
#include "judge.h"

namespace mooring::sim {
namespace {

using agent::goal::Definition;
using agent::goal::Mount;
using agent::goal::TaskGoal;
using std::chrono::minutes;

constexpr const char* kRegions[] = {"eu-west-1", "us-east-1"};

class Simulation {
 public:
  Simulation(std::uint64_t seed, std::string directory, const Sabotage& sabotage, bool trace)
      : world_(seed), directory_(std::move(directory)), cloud_(world_), judge_(world_, cloud_, instances_) {
    world_.sabotage = sabotage;
    world_.keep_trace = trace;
    Clock::simulate(&world_);
  }
  ~Simulation() {
    instances_.clear();
    Clock::simulate(nullptr);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  Outcome run() {
    try {
      play();
    } catch (const std::exception& bug) {
      world_.violated(std::string("an exception: ") + bug.what());
    }
    return {world_.violation(), world_.digest(), world_.counts()};
  }

 private:
  void play() {
    set_up();
    const auto busy = world_.between(minutes(3), minutes(15));
    const auto actions = 5 + world_.below(40);
    for (std::uint64_t i = 0; i < actions; ++i) world_.after(world_.between({}, busy), [this] { act(); });
    if (!go_on_for(busy)) return;
    world_.trace("nothing goes wrong any more");
    world_.faults = {};
    for (auto& instance : instances_) instance->start();
    for (auto& instance : instances_) instance->daemon().find_location();
    if (!go_on_for(minutes(25))) return;
    judge_.all_have_ended();
    if (!world_.violation().empty()) return;
    world_.trace("all is released");
    for (auto& instance : instances_) let_everything_go(*instance);
    if (!go_on_for(minutes(20))) return;
    judge_.all_is_released();
    // What could not be written down is found out by the next life.
    for (auto& instance : instances_) {
      instance->kill();
      instance->host_mounts.clear();
      instance->start();
    }
    if (!go_on_for(minutes(5))) return;
    judge_.nothing_is_left();
  }

  void set_up() {
    const double level = world_.chance(0.25) ? 0 : world_.chance(0.6) ? 0.02 : 0.12;
    const auto some = [&] { return world_.chance(0.5) ? level : 0; };
    world_.faults = {.cloud = some(), .machine = some(), .ledger = some() / 2, .crash = some() / 2};
    const auto regions = 1 + world_.below(2);
    const auto count = 1 + world_.below(3);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string region = kRegions[world_.below(regions)];
      backends::Identity identity{
          .provider = "sim", .region = region, .zone = region + (world_.chance(0.8) ? "a" : "b")};
      identity.instance_id = "i-" + std::to_string(i);
      const std::string directory = directory_ + "/" + identity.instance_id;
      std::filesystem::create_directories(directory);
      instances_.push_back(std::make_unique<Instance>(world_, cloud_, std::move(identity), directory));
      cloud_.add(instances_.back()->machine());
    }
    const auto volumes = 2 + world_.below(6);
    for (std::uint64_t i = 0; i < volumes; ++i) cloud_.add(some_volume(i));
    for (auto& instance : instances_) {
      if (world_.chance(0.25)) instance->host_mounts = {some_mount("/host/data")};
      instance->start(world_.chance(0.8));
    }
    if (world_.chance(0.15)) attach_by_hand();
  }

  CloudVolume some_volume(std::uint64_t number) {
    // Mostly where somebody can use it.
    const backends::Identity& near = world_.one_of(instances_)->machine().identity();
    const std::string region = world_.chance(0.85) ? near.region : kRegions[world_.below(2)];
    CloudVolume volume;
    volume.name = "vol-" + std::to_string(number);
    volume.id = "id-" + std::to_string(number);
    volume.region = region;
    volume.zone = region == near.region && world_.chance(0.9) ? near.zone : region + "a";
    volume.size = (1 + world_.below(100)) * 1'000'000'000;
    volume.price = static_cast<double>(1 + world_.below(20)) / 100;
    const auto kind = world_.below(10);
    volume.data.kind = kind < 3 ? Data::Kind::blank : kind < 9 ? Data::Kind::filesystem : Data::Kind::foreign;
    volume.data.uuid = "uuid-" + volume.id;
    volume.data.clean = world_.chance(0.7);
    volume.data.damaged = !volume.data.clean && world_.chance(0.2);
    volume.defined = world_.chance(0.7);
    volume.may_be_formatted = volume.defined && world_.chance(0.8);
    volume.exists = world_.chance(0.95);
    names_.push_back(volume.name);
    return volume;
  }

  /// Before anybody asks for it: later, nobody could tell whose doing it is.
  void attach_by_hand() {
    const std::string& name = world_.one_of(names_);
    auto& instance = *world_.one_of(instances_);
    const auto attached = cloud_.attach(instance.machine(), {.name = name}, true);
    if (attached) world_.trace("somebody has attached ", name, " to ", instance.name());
  }

  Mount some_mount(const std::string& path) {
    Mount mount;
    mount.path = path;
    std::vector<std::string> left = names_;
    for (auto wanted = 1 + world_.below(3); wanted > 0 && !left.empty(); --wanted) {
      const auto taken = left.begin() + static_cast<std::ptrdiff_t>(world_.below(left.size()));
      mount.names.push_back(*taken);
      left.erase(taken);
    }
    mount.read_only = world_.chance(0.15);
    mount.optional = world_.chance(0.25);
    if (world_.chance(0.2)) mount.prefer = agent::goal::Prefer::cheapest;
    return mount;
  }

  TaskGoal some_goal() {
    TaskGoal goal;
    std::vector<std::string> used;
    const auto mounts = 1 + world_.below(3);
    for (std::uint64_t i = 0; i < mounts; ++i) {
      Mount mount = some_mount("/data" + std::to_string(i));
      std::erase_if(mount.names, [&](const auto& name) { return std::ranges::find(used, name) != used.end(); });
      if (mount.names.empty()) continue;
      used.insert(used.end(), mount.names.begin(), mount.names.end());
      goal.mounts.push_back(std::move(mount));
    }
    for (const std::string& name : used) {
      const CloudVolume& volume = cloud_.volumes().at(name);
      if (!volume.defined) continue;
      Definition definition{.name = name, .backend = "sim", .region = volume.region};
      if (world_.chance(0.5)) definition.availability_zone = volume.zone;
      definition.init_fs = volume.may_be_formatted;
      definition.price = volume.price;
      goal.definitions.push_back(std::move(definition));
    }
    return goal;
  }

  void act() {
    Instance& instance = *world_.one_of(instances_);
    const auto dice = world_.below(100);
    if (dice < 40) return instance.put("task-" + std::to_string(tasks_++), some_goal());
    if (dice < 60) return release_some(instance);
    if (dice < 67) return put_some_again(instance);
    if (dice < 80) return use_some(instance);
    if (dice < 86 && world_.faults.crash > 0) {
      if (!instance.is_up()) return;
      world_.anything_went_wrong = true;
      instance.machine().crash_wanted = true;
      return;
    }
    if (dice < 92 && instance.is_up()) return instance.daemon().find_location();
    if (world_.faults.cloud == 0) return;
    CloudVolume& volume = cloud_.volumes().at(world_.one_of(names_));
    if (dice < 96) return cloud_.pull(volume);
    cloud_.remove(volume);
  }

  std::string some_task(Instance& instance) {
    if (!instance.is_up()) return "";
    std::vector<std::string> ids;
    for (const auto& [id, task] : instance.daemon().tasks().all())
      if (!task->is_host()) ids.push_back(id);
    return ids.empty() ? "" : world_.one_of(ids);
  }

  void release_some(Instance& instance) {
    const std::string id = some_task(instance);
    if (!id.empty()) instance.release(id, world_.chance(0.15));
  }

  void put_some_again(Instance& instance) {
    const std::string id = some_task(instance);
    const auto request = instance.requests.find(id);
    if (request != instance.requests.end()) instance.put(id, request->second.goal);
  }

  /// A process uses a file system for a while, whatever happens to moord.
  void use_some(Instance& instance) {
    Machine& machine = instance.machine();
    if (machine.staged.empty()) return;
    auto staged = machine.staged.begin();
    std::advance(staged, static_cast<std::ptrdiff_t>(world_.below(machine.staged.size())));
    const auto& [target, what] = *staged;
    world_.trace(machine.name(), " a process uses ", target);
    ++machine.users[target];
    world_.after(world_.between(seconds(1), minutes(8)), [this, &machine, target = target, volume = what.volume] {
      world_.trace(machine.name(), " a process has left ", target);
      if (machine.users.contains(target) && machine.users[target] > 0)
        --machine.users[target];
      else if (machine.lazy[volume] > 0)
        --machine.lazy[volume];
    });
  }

  static void let_everything_go(Instance& instance) {
    std::vector<std::string> ids;
    for (const auto& [id, task] : instance.daemon().tasks().all()) ids.push_back(id);
    for (const std::string& id : ids) instance.release(id, false);
  }

  /// False: an invariant does not hold.
  bool go_on_for(Duration duration) {
    const Moment end = world_.now() + duration;
    do {
      for (std::size_t i = 0; i < instances_.size(); ++i) {
        world_.running(i);
        if (world_.is_due(i)) instances_[i]->look_at_the_clock();
      }
      bool any = true;
      while (any) {
        any = false;
        const auto first = world_.below(instances_.size());
        for (std::size_t i = 0; i < instances_.size(); ++i) {
          const std::size_t next = (first + i) % instances_.size();
          world_.running(next);
          any = instances_[next]->poll() || any;
        }
        judge_.look();
        if (!world_.violation().empty()) return false;
      }
    } while (world_.advance(end));
    return world_.violation().empty();
  }

  World world_;
  const std::string directory_;
  Cloud cloud_;
  std::vector<std::unique_ptr<Instance>> instances_;
  Judge judge_;
  std::vector<std::string> names_;
  int tasks_ = 0;
};

}  // namespace

Outcome simulate(std::uint64_t seed, const std::string& directory, const Sabotage& sabotage, bool trace) {
  return Simulation(seed, directory, sabotage, trace).run();
}

}  // namespace mooring::sim
