#include "agent/act/task_json.h"

#include <string>

#include "agent/act/volume.h"

namespace mooring::agent::act {
namespace {

namespace json = boost::json;

void add(json::object& object, std::string_view key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

json::array holders(const Volume& volume) {
  json::array all;
  for (const mount::User& user : volume.holders()) {
    json::object holder{{"pid", user.pid}, {"command", user.command}, {"how", user.how}};
    add(holder, "container", user.container);
    all.push_back(std::move(holder));
  }
  return all;
}

/// While a volume is used by the mount: where it stands, and what it looks like here.
void add_volume(json::object& object, const Volume& volume, MountState state) {
  object["volume"] = volume.name();
  add(object, "backend", volume.backend());
  add(object, "region", volume.description().region);
  add(object, "zone", volume.description().zone);
  add(object, "volume_id", volume.description().volume_id);
  if (volume.device()) object["device"] = volume.device()->path;
  if (volume.description().size > 0) object["size"] = volume.description().size;
  if (volume.mounted()) {
    object["fs"] = volume.mounted()->fs;
    object["source"] = volume.mounted()->target;
    if (volume.usage().size > 0) object["used"] = volume.usage().used;
    if (volume.usage().size > 0) object["capacity"] = volume.usage().size;
  }
  if (state == MountState::preparing || state == MountState::releasing) {
    object["stage"] = decide::stage_name(volume.step());
    object["stage_seconds"] = seconds(Clock::now() - volume.step_since());
  }
  json::object stages;
  for (const auto& [stage, took] : volume.stages()) stages[stage] = took;
  object["stages"] = std::move(stages);
  if (volume.blocked()) {
    object["blocked_by"] = volume.blocked_by();
    object["holders"] = holders(volume);
  }
}

/// Its own problem or, of its candidates, the failure that says most.
std::string why_not_had(const MountRun& mount) {
  if (!mount.problem.empty() || (mount.state != MountState::failed && mount.state != MountState::left_out))
    return mount.problem;
  const auto& candidates = mount.plan.candidates;
  const decide::Candidate* foremost = decide::most_useful(candidates);
  if (foremost == nullptr) return {};
  return (candidates.size() > 1 ? foremost->name + ": " : "") + foremost->detail;
}

json::object mount_json(const MountRun& mount) {
  json::object object{{"path", mount.plan.mount.path}, {"state", to_string(mount.state)}};
  object["read_only"] = mount.plan.mount.read_only;
  object["optional"] = mount.plan.mount.optional;
  add(object, "detail", why_not_had(mount));
  if (mount.plan.mount.names.empty()) {
    object["instance_path"] = mount.plan.mount.instance_path;
    return object;
  }
  if (mount.volume) add_volume(object, *mount.volume, mount.state);
  json::array candidates;
  for (const decide::Candidate& candidate : mount.plan.candidates) candidates.push_back(to_json(candidate));
  object["candidates"] = std::move(candidates);
  return object;
}

/// Host source → container path. The host's own mounts are where they belong already.
json::array binds(const Task& task) {
  json::array all;
  if (task.is_host()) return all;
  for (const MountRun& mount : task.mounts()) {
    if (mount.state != MountState::mounted) continue;
    all.push_back({{"source", mount.source},
                   {"target", mount.plan.mount.path},
                   {"read_only", mount.plan.mount.read_only || mount.read_only}});
  }
  return all;
}

}  // namespace

std::string why_failed(const Task& task) {
  std::string text = task.problem();
  for (const MountRun& mount : task.mounts()) {
    if (mount.state != MountState::failed) continue;
    text += (text.empty() ? "" : "; ") + mount.plan.mount.path + ": " + why_not_had(mount);
    std::string_view separator = " (";
    for (const decide::Candidate& candidate : mount.plan.candidates) {
      text += std::string(separator) + candidate.name + " " + std::string(decide::to_string(candidate.verdict));
      separator = ", ";
    }
    if (!mount.plan.candidates.empty()) text += ")";
  }
  return text;
}

std::string why_failed(const json::object& task) {
  const auto text = [](const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  std::string all = text(task, "detail");
  const auto* mounts = task.if_contains("mounts");
  if (mounts == nullptr || !mounts->is_array()) return all;
  for (const json::value& mount : mounts->as_array()) {
    const auto* object = mount.if_object();
    if (object == nullptr || text(*object, "state") != "failed") continue;
    all += (all.empty() ? "" : "; ") + text(*object, "path") + ": " + text(*object, "detail");
  }
  return all;
}

json::object to_json(const decide::Candidate& candidate) {
  json::object object{{"name", candidate.name}, {"verdict", decide::to_string(candidate.verdict)}};
  add(object, "detail", candidate.detail);
  return object;
}

json::object to_json(const Task& task) {
  // A failed task is a record: of this run, or of an earlier one.
  if (task.state() == TaskState::failed && task.outcome()) return *task.outcome();
  json::object object{{"task", task.id()}, {"state", to_string(task.state())}};
  add(object, "detail", task.problem());
  json::array mounts;
  for (const MountRun& mount : task.mounts()) mounts.push_back(mount_json(mount));
  object["mounts"] = std::move(mounts);
  object["binds"] = binds(task);
  if (task.goal().owner) object["owner"] = {{"pid", task.goal().owner->pid}};
  return object;
}

}  // namespace mooring::agent::act
