// Goals written so that read_request reads them back: what the client sends and the ledger keeps.
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& all) {
  json::array array;
  array.reserve(all.size());
  for (const std::string& one : all) array.emplace_back(one);
  return array;
}

void put(json::object& object, json::string_view key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

/// Exact, and as people write it where that is possible.
std::string exact_size(std::uint64_t bytes) {
  constexpr std::uint64_t kGigabyte = 1'000'000'000;
  return bytes % kGigabyte == 0 ? std::to_string(bytes / kGigabyte) + "GB" : std::to_string(bytes) + "B";
}

json::object to_json(const Mount& mount) {
  json::object object;
  if (mount.names.size() == 1) {
    object["name"] = mount.names.front();
  } else if (!mount.names.empty()) {
    object["name"] = texts(mount.names);
  }
  put(object, "instance_path", mount.instance_path);
  put(object, "path", mount.path);
  if (mount.read_only) object["read_only"] = true;
  if (mount.optional) object["optional"] = true;
  if (mount.prefer == Prefer::cheapest) object["prefer"] = "cheapest";
  put(object, "fs", mount.fs);
  if (!mount.options.empty()) object["options"] = texts(mount.options);
  if (mount.timeout) object["timeout"] = std::to_string(mount.timeout->count()) + "ms";
  return object;
}

}  // namespace

json::object to_json(const Definition& definition) {
  json::object object;
  object["name"] = definition.name;
  object["backend"] = definition.backend;
  put(object, "region", definition.region);
  put(object, "availability_zone", definition.availability_zone);
  put(object, "volume_id", definition.volume_id);
  if (definition.size != 0) object["size"] = exact_size(definition.size);
  if (!definition.tags.empty()) {
    json::object tags;
    for (const auto& [key, value] : definition.tags) tags[key] = value;
    object["tags"] = std::move(tags);
  }
  if (definition.init_fs) object["init_fs"] = true;
  put(object, "fs", definition.fs);
  if (definition.price) object["price"] = *definition.price;
  if (definition.read_only) object["read_only"] = true;
  for (const auto& [key, value] : definition.parameters) put(object, key, value);
  return object;
}

json::object to_json(const TaskGoal& goal) {
  json::object object;
  json::array mounts;
  mounts.reserve(goal.mounts.size());
  for (const Mount& mount : goal.mounts) mounts.emplace_back(to_json(mount));
  object["volumes"] = std::move(mounts);
  if (!goal.definitions.empty()) {
    json::array definitions;
    definitions.reserve(goal.definitions.size());
    for (const Definition& definition : goal.definitions) definitions.emplace_back(to_json(definition));
    object["definitions"] = std::move(definitions);
  }
  if (goal.owner) object["owner"] = {{"pid", goal.owner->pid}};
  return object;
}

}  // namespace mooring::agent::goal
