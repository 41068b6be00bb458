#include "node.h"

#include <algorithm>
#include <utility>

#include "sleep.h"

namespace mooring::sim {

using mount::Errc;
using mount::Error;

SimNode::SimNode(const boost::asio::any_io_executor& executor, Machine& machine)
    : world_(machine.world()), machine_(machine), changed_(executor) {
  machine_.on_devices([this] { changed_.notify(); });
}

SimNode::~SimNode() { machine_.on_devices({}); }

boost::asio::awaitable<void> SimNode::takes(Duration least, Duration most) {
  co_await sleep(world_.between(least, most));
  if (world_.fails(world_.faults.crash)) machine_.crash_wanted = true;
  co_await sleep(milliseconds(1));
}

Error SimNode::system(const std::string& what) const { return {Errc::system, what + ": Input/output error", EIO}; }

const Disk* SimNode::confirmed(const mount::DiskLook& look, const mount::Device& device) const {
  const Disk* disk = machine_.disk(device);
  if (!disk) return nullptr;
  const CloudVolume& volume = machine_.cloud().volumes().at(disk->volume);
  return "serial-" + volume.id == look.serial ? disk : nullptr;
}

SimNode::Answer<mount::Device> SimNode::find_disk(mount::DiskLook look) {
  co_await takes(milliseconds(1), milliseconds(20));
  if (world_.sabotage.never_answers) co_await sleep(std::chrono::hours(500));
  if (fails()) co_return system("/sys/block cannot be read");
  const CloudVolume* volume = machine_.cloud().with_serial(look.serial);
  const Disk* disk = volume ? machine_.disk_of(volume->name) : nullptr;
  if (world_.sabotage.other_disk && disk) {
    for (const auto& [name, other] : machine_.cloud().volumes())
      if (name != volume->name && machine_.disk_of(name)) disk = machine_.disk_of(name);
  }
  if (!disk) co_return Error{Errc::not_found, "no device has serial " + look.serial, 0};
  co_return disk->device;
}

SimNode::Answer<mount::Content> SimNode::probe(mount::DiskLook look, mount::Device device) {
  co_await takes(milliseconds(1), milliseconds(100));
  if (fails()) co_return Error{Errc::unreadable, device.path + " cannot be read", EIO};
  const Disk* disk = world_.sabotage.other_disk ? machine_.disk(device) : confirmed(look, device);
  if (!disk) co_return Error{Errc::wrong_disk, device.path + " is another disk by now", 0};
  const Data& data = machine_.cloud().volumes().at(disk->volume).data;
  if (world_.sabotage.blank_always || data.kind == Data::Kind::blank) co_return mount::Content{{}, disk->device};
  if (data.kind == Data::Kind::filesystem) co_return mount::Content{mount::FileSystem{"ext4", data.uuid}, disk->device};
  co_return Error{data.kind == Data::Kind::foreign ? Errc::foreign_content : Errc::unsafe_content,
                  device.path + " has data that is no file system", 0};
}

SimNode::Answer<mount::FileSystem> SimNode::format(mount::DiskLook look, mount::Device device, std::string type,
                                                   std::stop_token stop) {
  co_await takes(milliseconds(1), milliseconds(50));
  const Disk* disk = world_.sabotage.other_disk ? machine_.disk(device) : confirmed(look, device);
  if (!disk) co_return Error{Errc::wrong_disk, device.path + " is another disk by now", 0};
  CloudVolume& volume = machine_.cloud().volumes().at(disk->volume);
  if (volume.data.kind != Data::Kind::blank && !world_.sabotage.blank_always)
    co_return Error{Errc::unsafe_content, device.path + " is not blank any more", 0};
  if (volume.data.kind != Data::Kind::blank)
    world_.violated("rule 4: " + volume.name + " is formatted, and is not blank");
  const auto permitted = machine_.format_permitted.find(volume.name);
  if (permitted == machine_.format_permitted.end() || permitted->second.empty())
    world_.violated("rule 1: " + volume.name + " is formatted, and no goal permits it");
  if (volume.holder != machine_.name() && !volume.was_touched)
    world_.violated("rule 20: " + volume.name + " is formatted by " + machine_.name() + ", and attached to " +
                    volume.holder);
  if (fails()) co_return Error{Errc::format_failed, "mkfs could not begin", 0};
  const std::string name = volume.name;
  world_.trace(machine_.name(), " mkfs.", type, " of ", name);
  world_.count("formats");
  volume.data.kind = Data::Kind::half_made;
  for (int part = 0; part < 4; ++part) {
    co_await takes(milliseconds(100), seconds(world_.chance(0.1) ? 20 : 1));
    if (stop.stop_requested()) co_return Error{Errc::cancelled, "mkfs was stopped", 0};
    if (fails() || !machine_.disk_of(name)) co_return Error{Errc::format_failed, "mkfs: write error", EIO};
  }
  volume.data = {.kind = Data::Kind::filesystem, .uuid = "uuid-" + volume.id};
  co_return mount::FileSystem{type, volume.data.uuid};
}

SimNode::Answer<std::string> SimNode::check(mount::DiskLook look, mount::Device device, mount::FileSystem /*fs*/,
                                            std::stop_token stop) {
  co_await takes(milliseconds(1), milliseconds(500));
  const Disk* disk = world_.sabotage.other_disk ? machine_.disk(device) : confirmed(look, device);
  if (!disk) co_return Error{Errc::wrong_disk, device.path + " is another disk by now", 0};
  CloudVolume& volume = machine_.cloud().volumes().at(disk->volume);
  if (volume.data.clean) co_return "";
  const std::string name = volume.name;
  co_await takes(milliseconds(100), seconds(5));
  if (stop.stop_requested()) co_return Error{Errc::cancelled, "e2fsck was stopped", 0};
  if (!machine_.disk_of(name)) co_return system("e2fsck");
  if (volume.data.damaged) co_return Error{Errc::check_failed, device.path + " needs a person to run e2fsck", 0};
  volume.data.clean = true;
  co_return "the journal was replayed";
}

SimNode::Answer<std::optional<mount::MountEntry>> SimNode::look_at_stage(std::string root, std::string name) {
  co_await takes(milliseconds(1), milliseconds(10));
  if (fails()) co_return system(root + " cannot be read");
  const auto found = machine_.staged.find(root + "/" + name);
  if (found == machine_.staged.end()) co_return std::optional<mount::MountEntry>{};
  co_return std::optional(found->second.entry);
}

SimNode::Answer<mount::MountEntry> SimNode::stage(mount::StageRequest request) {
  co_await takes(milliseconds(1), milliseconds(200));
  const std::string target = request.root + "/" + request.name;
  const Disk* disk =
      world_.sabotage.other_disk ? machine_.disk(request.device) : confirmed(request.look, request.device);
  if (!disk) co_return Error{Errc::wrong_disk, request.device.path + " is another disk by now", 0};
  if (fails()) co_return Error{Errc::mount_failed, "mount: wrong fs type", EINVAL};
  if (machine_.staged.contains(target)) co_return Error{Errc::occupied, "something is mounted at " + target, 0};
  CloudVolume& volume = machine_.cloud().volumes().at(disk->volume);
  if (volume.name != request.name)
    world_.violated("rule 7: " + volume.name + " is mounted at the place of " + request.name);
  if (volume.data.kind != Data::Kind::filesystem && !world_.sabotage.blank_always)
    world_.violated(volume.name + " is mounted, and has no file system");
  if (!request.read_only && !volume.data.clean)
    world_.violated("rule 12: " + volume.name + " is mounted, and was not checked");
  if (volume.holder != machine_.name() && !volume.was_touched)
    world_.violated("rule 20: " + volume.name + " is mounted by " + machine_.name() + ", and attached to '" +
                    volume.holder + "'");
  mount::MountEntry entry{.target = target, .source = disk->device.path, .fs = "ext4"};
  entry.major = disk->device.major;
  entry.minor = disk->device.minor;
  entry.read_only = request.read_only;
  if (world_.sabotage.mount_lies) co_return entry;
  world_.trace(machine_.name(), " mounts ", volume.name, " at ", target);
  world_.count("mounts");
  if (!request.read_only) volume.data.clean = false;
  machine_.staged[target] = {volume.name, entry, false};
  co_return entry;
}

SimNode::Answer<void> SimNode::unstage(std::string root, std::string name, mount::Device device, bool force) {
  co_await takes(milliseconds(1), milliseconds(300));
  const std::string target = root + "/" + name;
  const auto found = machine_.staged.find(target);
  if (found == machine_.staged.end() || (device.major == 0 && device.minor == 0))
    co_return boost::outcome_v2::success();
  Staged& staged = found->second;
  if (staged.entry.major != device.major || staged.entry.minor != device.minor)
    co_return Error{Errc::occupied, staged.entry.source + " is mounted at " + target, 0};
  const bool used = machine_.has_users(target);
  if (used && !force) co_return Error{Errc::busy, target + " is in use", EBUSY};
  if (fails()) co_return system("umount " + target);
  if (world_.sabotage.unmount_lies) co_return boost::outcome_v2::success();
  world_.trace(machine_.name(), " unmounts ", target, used ? ", in use" : "");
  if (used && !staged.dead) machine_.lazy[staged.volume] += machine_.users[target];
  if (!staged.dead && !used) machine_.cloud().volumes().at(staged.volume).data.clean = true;
  machine_.users.erase(target);
  machine_.staged.erase(found);
  co_return boost::outcome_v2::success();
}

SimNode::Answer<void> SimNode::allow_writes(mount::Device /*device*/) {
  co_await takes(milliseconds(1), milliseconds(2));
  co_return boost::outcome_v2::success();
}

SimNode::Answer<bool> SimNode::still_mounted_somewhere(mount::Device device) {
  co_await takes(milliseconds(1), milliseconds(20));
  if (fails()) co_return system("/proc cannot be read");
  const Disk* disk = machine_.disk(device);
  co_return disk&& machine_.is_mounted(disk->volume);
}

SimNode::Answer<std::vector<mount::User>> SimNode::find_users(mount::Device /*device*/, std::string target) {
  co_await takes(milliseconds(1), milliseconds(50));
  std::vector<mount::User> users;
  if (machine_.has_users(target))
    users.push_back({.pid = 0, .command = "worker", .container = "c1", .how = "open file"});
  co_return users;
}

SimNode::Answer<mount::Growth> SimNode::grow(mount::MountEntry /*mounted*/) {
  co_await takes(milliseconds(1), milliseconds(50));
  if (fails()) co_return system("resize");
  co_return mount::Growth{1, 1};
}

SimNode::Answer<mount::Usage> SimNode::usage(std::string /*target*/) {
  co_await takes(milliseconds(1), milliseconds(2));
  co_return mount::Usage{1000, 10};
}

SimNode::Answer<mount::PreparedPath> SimNode::look_at_host_path(std::string path) {
  co_await takes(milliseconds(1), milliseconds(5));
  const bool there = machine_.prepared.contains(path);
  co_return mount::PreparedPath{!there, !there};
}

SimNode::Answer<mount::PreparedPath> SimNode::prepare_host_path(std::string path) {
  co_await takes(milliseconds(1), milliseconds(5));
  if (machine_.binds.contains(path)) co_return Error{Errc::occupied, "something is mounted at " + path, 0};
  if (fails()) co_return system("mkdir " + path);
  const bool there = !machine_.prepared.insert(path).second;
  co_return mount::PreparedPath{!there, !there};
}

SimNode::Answer<void> SimNode::bind(std::string source, std::string path, bool /*read_only*/) {
  co_await takes(milliseconds(1), milliseconds(20));
  const auto found = machine_.binds.find(path);
  if (found != machine_.binds.end() && found->second == source) co_return boost::outcome_v2::success();
  if (found != machine_.binds.end()) co_return Error{Errc::occupied, "something is mounted at " + path, 0};
  if (!machine_.staged.contains(source)) co_return Error{Errc::mount_failed, "nothing is mounted at " + source, 0};
  if (fails()) co_return Error{Errc::mount_failed, "mount --bind", EIO};
  machine_.binds[path] = source;
  world_.trace(machine_.name(), " binds ", source, " at ", path);
  co_return boost::outcome_v2::success();
}

SimNode::Answer<void> SimNode::unbind(std::string source, std::string path, mount::PreparedPath prepared, bool force) {
  co_await takes(milliseconds(1), milliseconds(20));
  const auto found = machine_.binds.find(path);
  if (found != machine_.binds.end() && found->second != source && !force)
    co_return Error{Errc::occupied, "something else is mounted at " + path, 0};
  if (fails()) co_return system("umount " + path);
  if (found != machine_.binds.end()) {
    machine_.binds.erase(found);
    world_.trace(machine_.name(), " unbinds ", path);
  }
  if (prepared.made || prepared.marked) machine_.prepared.erase(path);
  co_return boost::outcome_v2::success();
}

SimNode::Answer<void> SimNode::ensure_instance_path(std::string path) {
  co_await takes(milliseconds(1), milliseconds(5));
  if (fails()) co_return system("mkdir " + path);
  co_return boost::outcome_v2::success();
}

}  // namespace mooring::sim
