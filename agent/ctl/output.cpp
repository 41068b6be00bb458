#include "agent/ctl/output.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "agent/ctl/json_text.h"
#include "agent/goal/task_goal.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

constexpr std::string_view kIndent = "  ";

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string size_text(const json::object& object, std::string_view key) {
  constexpr double kMost = 1e19;  // bytes; 64 bits hold no more
  const auto bytes = number_at(object, key);
  return bytes && *bytes >= 1 && *bytes < kMost ? goal::human_size(static_cast<std::uint64_t>(*bytes)) : "";
}

std::string used_text(const json::object& mount) {
  const auto used = number_at(mount, "used");
  const auto capacity = number_at(mount, "capacity");
  if (!used || !capacity || *capacity <= 0 || *used < 0 || *used > *capacity) return {};
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %% used", 100 * *used / *capacity);
  return text;
}

/// What the stages of an attach took in all.
std::optional<double> seconds_taken(const json::object& mount) {
  const json::object* stages = object_at(mount, "stages");
  if (stages == nullptr || stages->empty()) return std::nullopt;
  double sum = 0;
  for (const auto& stage : *stages) sum += std::max(0.0, number_at(*stages, stage.key()).value_or(0));
  return sum;
}

std::string mounted_phrase(const json::object& mount) {
  if (mount.contains("instance_path"))
    return flag_at(mount, "read_only") ? "a directory of the instance (read-only)" : "a directory of the instance";
  const std::string source = text_at(mount, "source");
  std::string size = size_text(mount, "size");
  if (size.empty()) size = size_text(mount, "capacity");
  const std::string about =
      joined({text_at(mount, "fs"), size, used_text(mount), flag_at(mount, "read_only") ? "read-only" : ""}, ", ");
  return (source.empty() ? "mounted" : "mounted at " + source) + (about.empty() ? "" : " (" + about + ")");
}

}  // namespace

std::string volume_of(const json::object& mount) {
  std::string name = text_at(mount, "volume");
  if (!name.empty()) return name;
  std::vector<std::string> names;
  for (const json::object* candidate : objects_at(mount, "candidates")) names.push_back(text_at(*candidate, "name"));
  name = names.empty() ? text_at(mount, "instance_path") : joined(names, ",");
  return name.empty() ? "-" : name;
}

namespace {

bool is_moving(std::string_view state) { return state == "preparing" || state == "releasing" || state == "waiting"; }

Colour colour_of_state(std::string_view state) {
  if (state == "failed") return Colour::bad;
  return state == "left_out" ? Colour::warning : Colour::none;
}

std::string or_else(std::string text, std::string_view other) { return text.empty() ? std::string(other) : text; }

bool has_failed(const json::object& task) { return exact_text_at(task, "state") == "failed"; }

bool was_not_had(const json::object& mount) {
  const std::string state = exact_text_at(mount, "state");
  return state == "failed" || state == "left_out";
}

void add_mount(Columns& columns, const json::object& mount, bool task_failed) {
  const std::string state = text_at(mount, "state");
  std::string phrase = mount_phrase(mount, task_failed);
  // The only candidate tells itself, in the line below.
  if (was_not_had(mount) && objects_at(mount, "candidates").size() == 1)
    phrase = state == "failed" ? "failed" : "left out";
  const auto taken = seconds_taken(mount);
  if (state == "mounted" && taken) phrase += " in " + human_seconds(*taken);
  std::vector<Cell> row{text_at(mount, "path"), volume_of(mount), {std::move(phrase), colour_of_state(state)}};
  const auto seconds = number_at(mount, "stage_seconds");
  if (is_moving(state) && seconds) {
    char text[48];
    std::snprintf(text, sizeof text, "%.1f s", std::max(0.0, *seconds));
    row.emplace_back(text);
  }
  columns.add(std::move(row));
}

}  // namespace

std::string human_seconds(double seconds) {
  constexpr double kShort = 0.1;
  constexpr double kMinute = 60;
  char text[48];
  if (seconds < kShort)
    std::snprintf(text, sizeof text, "%.0f ms", std::max(0.0, seconds) * 1000);
  else if (seconds < 10 * kMinute)
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  else
    std::snprintf(text, sizeof text, "%.0f min", seconds / kMinute);
  return text;
}

std::string instance_line(const json::object& identity) {
  const std::string zone = text_at(identity, "zone");
  const std::string zone_id = text_at(identity, "zone_id");
  std::string where = joined({text_at(identity, "provider"), text_at(identity, "region")}, " ");
  std::string in_zone = zone.empty() ? zone_id : zone + (zone_id.empty() ? "" : " (" + zone_id + ")");
  if (!in_zone.empty()) in_zone.insert(0, "zone ");
  return "This instance: " + or_else(joined({std::move(where), std::move(in_zone), text_at(identity, "instance_id"),
                                             text_at(identity, "instance_type")},
                                            ", "),
                                     "unknown");
}

std::string identity_text(const json::object& identity) {
  constexpr std::array<std::pair<const char*, const char*>, 8> kRows{{{"provider", "provider"},
                                                                      {"region", "region"},
                                                                      {"zone", "zone"},
                                                                      {"zone_id", "zone id"},
                                                                      {"instance_id", "instance id"},
                                                                      {"instance_type", "instance type"},
                                                                      {"account", "account"},
                                                                      {"source", "known from"}}};
  Columns columns;
  for (const auto& [key, label] : kRows)
    if (std::string value = text_at(identity, key); !value.empty()) columns.add({label, std::move(value)});
  const auto* took = identity.if_contains("took");
  const double taken = took != nullptr && took->is_number() ? took->to_number<double>() : 0;
  if (taken > 0) columns.add({"found out in", human_seconds(taken)});
  return joined(columns.lines(false), "\n") + "\n";
}

std::string candidates_text(const json::object& mount, const Style& style) {
  Columns columns;
  int number = 0;
  for (const json::object* candidate : objects_at(mount, "candidates")) {
    const std::string verdict = text_at(*candidate, "verdict");
    const bool open = verdict == "not_tried";
    const Colour colour = verdict == "chosen" ? Colour::good : open ? Colour::faint : Colour::bad;
    columns.add(
        {std::to_string(++number), text_at(*candidate, "name"), {verdict, colour}, text_at(*candidate, "detail")});
  }
  std::string out;
  for (const std::string& line : columns.lines(style.colour)) out += std::string(kIndent) + line + "\n";
  return out;
}

std::string explain_text(const json::object& answer, const Style& style) {
  const json::object* instance = object_at(answer, "instance");
  std::string out = instance_line(instance == nullptr ? json::object() : *instance) + "\n";
  for (const json::object* mount : objects_at(answer, "mounts")) {
    out += "\n" + painted(text_at(*mount, "path"), Colour::bold, style.colour) + "\n";
    const std::string directory = text_at(*mount, "instance_path");
    if (!directory.empty()) out += std::string(kIndent) + "the directory " + directory + " of this instance\n";
    out += candidates_text(*mount, style);
  }
  return out;
}

std::string stage_phrase(std::string_view stage) {
  constexpr std::array<std::pair<std::string_view, const char*>, 12> kPhrases{{{"resolve", "looking for the volume"},
                                                                               {"attach", "attaching"},
                                                                               {"device", "waiting for the device"},
                                                                               {"check", "checking the file system"},
                                                                               {"format", "making a file system"},
                                                                               {"mount", "mounting"},
                                                                               {"grow", "growing the file system"},
                                                                               {"unmount", "unmounting"},
                                                                               {"detach", "detaching"},
                                                                               {"busy", "still in use"},
                                                                               {"mounted", "mounted"},
                                                                               {"released", "released"}}};
  for (const auto& [word, phrase] : kPhrases)
    if (word == stage) return phrase;
  return std::string(stage);
}

std::string mount_phrase(const json::object& mount, bool task_failed) {
  const std::string state = text_at(mount, "state");
  const std::string detail = text_at(mount, "detail");
  if (state == "mounted") return mounted_phrase(mount);
  if (state == "failed") return "failed: " + or_else(detail, "none of its volumes could be had");
  if (state == "left_out") return "left out: " + or_else(detail, "none of its volumes could be had");
  // All or nothing: it was undone, or never begun.
  if (state == "released" && task_failed) return "not mounted: another mount of the task could not be had";
  if (state == "waiting") return "choosing a volume";
  if (state == "preparing" || state == "releasing")
    return or_else(stage_phrase(text_at(mount, "stage")), state == "preparing" ? "choosing a volume" : "releasing");
  return or_else(state, "in an unknown state");
}

std::vector<std::string> mount_lines(const json::object& task, const Style& style) {
  Columns columns;
  for (const json::object* mount : objects_at(task, "mounts")) add_mount(columns, *mount, has_failed(task));
  return columns.lines(style.colour, style.width);
}

std::string mount_report(const json::object& task, const Style& style) {
  const auto lines = mount_lines(task, style);
  const auto mounts = objects_at(task, "mounts");
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += lines[i] + "\n";
    if (was_not_had(*mounts[i]) || has_failed(task)) out += candidates_text(*mounts[i], style);
  }
  return out;
}

std::string problem_text(const json::object& problem) {
  std::vector<std::string> sentences;
  for (const json::object* error : objects_at(problem, "errors")) sentences.push_back(text_at(*error, "detail"));
  std::string out = joined(sentences, "; ");
  if (out.empty()) out = text_at(problem, "detail");
  return out.empty() ? text_at(problem, "title") : out;
}

}  // namespace mooring::agent::ctl
