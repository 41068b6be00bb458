#include "cloud.h"

#include <algorithm>
#include <utility>

#include "machine.h"
#include "sleep.h"

namespace mooring::sim {

using backends::Attached;
using backends::Attachment;
using backends::Description;
using backends::Errc;
using backends::Error;
using backends::Result;
using State = CloudVolume::State;

namespace {

backends::Look look_of(const CloudVolume& volume) {
  return {.serial = "serial-" + volume.id, .links = {"sim-" + volume.id}, .backing_file = {}, .size = volume.size};
}

}  // namespace

void Cloud::add(Machine& machine) { machines_[machine.name()] = &machine; }

CloudVolume* Cloud::with_serial(const std::string& serial) {
  for (auto& [name, volume] : volumes_)
    if ("serial-" + volume.id == serial) return &volume;
  return nullptr;
}

CloudVolume* Cloud::find(Machine& machine, const backends::Volume& asked) {
  const auto found = volumes_.find(asked.name);
  if (found == volumes_.end() || !found->second.exists) return nullptr;
  return found->second.region == machine.identity().region ? &found->second : nullptr;
}

/// The lists learn of it at once, or a little later.
void Cloud::changed(CloudVolume& volume) {
  ++volume.change;
  if (!volume.holder.empty()) volume.last_held[volume.holder] = world_.now();
  const Listed now{volume.state, volume.holder};
  world_.trace("cloud: ", volume.name, " ",
               volume.state == State::available   ? "is available"
               : volume.state == State::attaching ? "is being attached to "
               : volume.state == State::in_use    ? "is attached to "
                                                  : "is being detached from ",
               volume.holder);
  const bool late = world_.fails(std::min(0.5, 4 * world_.faults.cloud));
  if (!late) {
    listed_[volume.name] = now;
    return;
  }
  world_.after(world_.between(milliseconds(1), seconds(8)), [this, name = volume.name, change = volume.change, now] {
    if (volumes_.at(name).change == change) listed_[name] = now;
  });
}

Result<Description> Cloud::describe(Machine& machine, const backends::Volume& asked) {
  CloudVolume* volume = find(machine, asked);
  if (!volume || (world_.sabotage.hides_volumes && volume->size % 2'000'000'000 == 0))
    return Error{Errc::not_found, "there is no volume '" + asked.name + "' in " + machine.identity().region, {}};
  Description description;
  description.volume = asked;
  description.volume.volume_id = volume->id;
  description.volume.region = volume->region;
  description.volume.zone = volume->zone;
  description.volume.size = volume->size;
  description.price = volume->price;
  description.look = look_of(*volume);
  const auto found = listed_.find(volume->name);
  const Listed listed = found == listed_.end() ? Listed{volume->state, volume->holder} : found->second;
  if (listed.state == State::available || (world_.sabotage.two_holders && listed.holder != machine.name()))
    return description;
  if (listed.holder != machine.name()) {
    description.attachment = Attachment::elsewhere;
    description.holder = listed.holder;
    description.holder_state = "running";
    return description;
  }
  description.attachment = listed.state == State::attaching ? Attachment::arriving
                           : listed.state == State::in_use  ? Attachment::here
                                                            : Attachment::leaving;
  return description;
}

Result<Attached> Cloud::attach(Machine& machine, const backends::Volume& asked, bool by_hand) {
  CloudVolume* volume = find(machine, asked);
  if (!volume) return Error{Errc::not_found, "there is no volume '" + asked.name + "'", {}};
  if (volume->zone != machine.identity().zone) return Error{Errc::wrong_zone, "is in zone " + volume->zone, {}};
  if (volume->state == State::detaching)
    return Error{Errc::not_ready, "is being detached from " + volume->holder, volume->holder};
  const bool held = volume->state != State::available;
  if (held && volume->holder == machine.name())
    return Attached{look_of(*volume), volume->state == State::in_use ? Attachment::here : Attachment::arriving, true};
  if (held && !world_.sabotage.two_holders)
    return Error{Errc::in_use, "is attached to instance " + volume->holder, volume->holder};
  if (!by_hand && !machine.recorded.contains(volume->name))
    world_.violated("rule 18: " + volume->name + " is attached to " + machine.name() + " and no record says so");
  volume->holder = machine.name();
  volume->state = State::attaching;
  volume->by_hand = by_hand;
  changed(*volume);
  const auto name = volume->name;
  const auto change = volume->change;
  Duration device = world_.between(milliseconds(50), seconds(8));
  const Duration told = world_.between(milliseconds(50), seconds(12));
  const bool never = world_.fails(world_.faults.cloud / 2);
  if (world_.fails(world_.faults.cloud)) device += world_.between(seconds(1), seconds(100));
  if (!never)
    world_.after(device, [this, name, change, &machine] {
      CloudVolume& arrived = volumes_.at(name);
      if (arrived.change - change <= 1 && arrived.holder == machine.name() && arrived.state != State::detaching)
        machine.plug(name, arrived.size);
    });
  world_.after(told, [this, name, change] {
    CloudVolume& attached = volumes_.at(name);
    if (attached.change != change) return;
    attached.state = State::in_use;
    changed(attached);
  });
  return Attached{look_of(*volume), Attachment::arriving, false};
}

Result<Attachment> Cloud::detach(Machine& machine, const backends::Volume& asked) {
  CloudVolume* volume = find(machine, asked);
  if (!volume || volume->holder != machine.name() || volume->state == State::available) return Attachment::detached;
  if (volume->state == State::detaching) return Attachment::leaving;
  if (volume->by_hand)
    world_.violated("rule 11: " + volume->name + " was attached to " + machine.name() +
                    " by a person, and moord detaches it");
  for (const auto& [target, staged] : machine.staged)
    if (staged.volume == volume->name && !staged.dead)
      world_.violated("rule 10: " + volume->name + " is detached from " + machine.name() + " while it is mounted at " +
                      target);
  volume->state = State::detaching;
  changed(*volume);
  finish_detach(*volume);
  return Attachment::leaving;
}

void Cloud::finish_detach(CloudVolume& volume) {
  const auto name = volume.name;
  const auto change = volume.change;
  Machine* machine = machines_.at(volume.holder);
  const Duration gone = world_.between(milliseconds(50), seconds(4));
  const Duration told = world_.between(milliseconds(50), seconds(5));
  world_.after(gone, [this, name, change, machine] {
    const CloudVolume& left = volumes_.at(name);
    const bool is_back = left.holder == machine->name() && left.state != State::detaching;
    if (!is_back) machine->unplug(name);
  });
  world_.after(told, [this, name, change] {
    CloudVolume& detached = volumes_.at(name);
    if (detached.change != change) return;
    detached.last_held[detached.holder] = world_.now();
    detached.state = State::available;
    detached.holder.clear();
    detached.by_hand = false;
    changed(detached);
  });
}

void Cloud::pull(CloudVolume& volume) {
  if (volume.state != State::in_use) return;
  volume.was_touched = true;
  world_.trace("somebody detaches ", volume.name, " from ", volume.holder);
  volume.state = State::detaching;
  volume.by_hand = false;
  changed(volume);
  finish_detach(volume);
}

void Cloud::remove(CloudVolume& volume) {
  if (volume.state != State::available) return;
  world_.trace("somebody deletes ", volume.name);
  volume.exists = false;
  volume.was_deleted = volume.was_touched = true;
}

template <class Answer, class Effect>
boost::asio::awaitable<Answer> CloudBackend::request(std::string what, Effect effect) {
  co_await sleep(milliseconds(1));
  World& world = world_;
  if (world.fails(world.faults.crash)) machine_.crash_wanted = true;
  Duration there = world.between(milliseconds(5), milliseconds(300));
  Duration back = world.between(milliseconds(5), milliseconds(300));
  const double chance = world.faults.cloud;
  // What was sent takes effect within a second or not at all, however long the answer takes: nobody could wait for
  // more after a crash (which takes as long: RestartSec).
  if (world.fails(chance)) there += world.between({}, milliseconds(600));
  if (world.fails(chance)) back += world.between(seconds(1), seconds(15));
  const bool refused = world.fails(chance);
  const bool lost = world.fails(chance);
  world.trace(machine_.name(), " asks: ", what);
  const auto answer = std::make_shared<std::optional<Answer>>();
  world.after(there, [answer, effect = std::move(effect), refused] {
    if (!refused) *answer = effect();
  });
  co_await sleep(there + back);
  if (world.fails(world.faults.crash)) machine_.crash_wanted = true;
  if (refused && world.chance(0.3)) co_return Error{Errc::denied, "the provider refuses: not allowed", {}};
  if (refused || lost || !*answer) {
    world.trace(machine_.name(), " no answer to: ", what);
    co_return Error{Errc::unavailable, "the provider does not answer", {}, true};
  }
  co_return std::move(**answer);
}

boost::asio::awaitable<std::vector<Result<Description>>> CloudBackend::describe(std::vector<backends::Volume> volumes) {
  using Answers = Result<std::vector<Result<Description>>>;
  std::string what = "describe";
  for (const auto& volume : volumes) what += " " + volume.name;
  auto effect = [this_cloud = &cloud_, machine = &machine_, volumes]() -> Answers {
    std::vector<Result<Description>> answers;
    for (const auto& volume : volumes) answers.push_back(this_cloud->describe(*machine, volume));
    return answers;
  };
  auto answers = co_await request<Answers>(std::move(what), std::move(effect));
  if (answers) co_return std::move(answers).value();
  const Error error = answers.error();
  co_return std::vector<Result<Description>>(volumes.size(), error);
}

boost::asio::awaitable<Result<Attached>> CloudBackend::attach(backends::Volume volume) {
  std::string what = "attach " + volume.name;
  auto effect = [this_cloud = &cloud_, machine = &machine_, volume]() -> Result<Attached> {
    return this_cloud->attach(*machine, volume);
  };
  co_return co_await request<Result<Attached>>(std::move(what), std::move(effect));
}

boost::asio::awaitable<Result<Attachment>> CloudBackend::detach(backends::Volume volume, bool /*stuck*/) {
  std::string what = "detach " + volume.name;
  if (world_.sabotage.detach_lies) {
    co_await sleep(milliseconds(1));
    co_return Attachment::detached;
  }
  auto effect = [this_cloud = &cloud_, machine = &machine_, volume]() -> Result<Attachment> {
    return this_cloud->detach(*machine, volume);
  };
  co_return co_await request<Result<Attachment>>(std::move(what), std::move(effect));
}

}  // namespace mooring::sim
