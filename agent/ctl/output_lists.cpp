// Of output.h: what is known of tasks, volumes and events.
#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include <boost/json/serialize.hpp>

#include "agent/ctl/json_text.h"
#include "agent/ctl/output.h"
#include "agent/goal/fields.h"
#include "agent/goal/task_goal.h"
#include "agent/goal/words.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

std::string text_of(const Columns& columns, const Style& style) {
  std::string out;
  for (const std::string& line : columns.lines(style.colour, style.width)) out += line + "\n";
  return out;
}

std::vector<Cell> head(std::initializer_list<const char*> words) {
  std::vector<Cell> row;
  for (const char* word : words) row.emplace_back(word, Colour::faint);
  return row;
}

Colour colour_of(std::string_view task_state) {
  if (task_state == "ready") return Colour::good;
  if (task_state == "failed") return Colour::bad;
  return task_state == "degraded" || task_state == "busy" ? Colour::warning : Colour::none;
}

/// `aws us-east-1, zone us-east-1a`
std::string origin_of(const json::object& mount) {
  std::string out = text_at(mount, "backend");
  if (const std::string region = text_at(mount, "region"); !region.empty()) out += (out.empty() ? "" : " ") + region;
  if (const std::string zone = text_at(mount, "zone"); !zone.empty()) out += (out.empty() ? "zone " : ", zone ") + zone;
  return out;
}

/// Sizes are bytes where a disk was measured, and text such as 500GB in a definition.
std::string size_of(const json::object& volume) {
  std::optional<std::uint64_t> bytes = goal::parse_size(exact_text_at(volume, "size"));
  if (const auto number = number_at(volume, "size"); number && *number >= 1 && *number < 1e19)
    bytes = static_cast<std::uint64_t>(*number);
  return bytes ? goal::human_size(*bytes) : "";
}

std::string users_of(const json::object& volume) {
  std::string out;
  for (const json::object* user : objects_at(volume, "users"))
    out += (out.empty() ? "" : ", ") + text_at(*user, "task") + ":" + text_at(*user, "path");
  return out;
}

/// In the order in which they come; a stage that is not known here comes last.
std::string stages_text(const json::object& mount) {
  constexpr std::array<std::string_view, 9> kOrder{"resolve", "attach", "device",  "check", "format",
                                                   "mount",   "grow",   "unmount", "detach"};
  const json::object* stages = object_at(mount, "stages");
  if (stages == nullptr) return {};
  std::vector<std::string> names(kOrder.begin(), kOrder.end());
  for (const auto& stage : *stages)
    if (std::ranges::find(kOrder, std::string_view(stage.key())) == kOrder.end()) names.emplace_back(stage.key());
  std::string out;
  for (const std::string& name : names)
    if (const auto took = number_at(*stages, name))
      out += (out.empty() ? "" : ", ") + goal::printable(name) + " " + human_seconds(*took);
  return out;
}

/// What is known of one mount beyond its line.
std::string mount_details(const json::object& mount, const Style& style) {
  Columns columns;
  const auto add = [&columns](const char* label, std::string value) {
    if (!value.empty()) columns.add({{std::string(label), Colour::faint}, std::move(value)});
  };
  add("volume id", text_at(mount, "volume_id"));
  add("from", origin_of(mount));
  add("device", text_at(mount, "device"));
  add("stages", stages_text(mount));
  add("busy", text_at(mount, "blocked_by"));
  for (const json::object* holder : objects_at(mount, "holders")) {
    const std::string container = text_at(*holder, "container");
    add("held by", "process " + text_at(*holder, "pid") + " (" + text_at(*holder, "command") +
                       "): " + text_at(*holder, "how") + (container.empty() ? "" : ", in container " + container));
  }
  std::string out = candidates_text(mount, style);
  for (const std::string& line : columns.lines(style.colour)) out += "     " + line + "\n";
  return out;
}

}  // namespace

std::string tasks_text(const json::object& answer, const Style& style) {
  Columns columns;
  columns.add(head({"TASK", "STATE", "PATH", "VOLUME", "FROM", "MOUNT"}));
  bool any = false;
  for (const json::object* task : objects_at(answer, "tasks")) {
    any = true;
    const std::string state = text_at(*task, "state");
    std::vector<Cell> first{text_at(*task, "task"), {state, colour_of(state)}};
    const auto mounts = objects_at(*task, "mounts");
    if (mounts.empty()) columns.add({first[0], first[1], "-", "-", "", text_at(*task, "detail")});
    for (const json::object* mount : mounts) {
      columns.add({first[0], first[1], text_at(*mount, "path"), volume_of(*mount), origin_of(*mount),
                   mount_phrase(*mount, state == "failed")});
      first = {"", ""};
    }
  }
  return any ? text_of(columns, style) : "No tasks.\n";
}

std::string task_text(const json::object& task, const Style& style) {
  const std::string state = text_at(task, "state");
  const std::string detail = text_at(task, "detail");
  std::string out = painted(text_at(task, "task"), Colour::bold, style.colour) + "  " +
                    painted(state, colour_of(state), style.colour) + (detail.empty() ? "" : ": " + detail) + "\n";
  if (const json::object* owner = object_at(task, "owner"); owner != nullptr)
    out += "released when process " + text_at(*owner, "pid") + " ends\n";
  const auto lines = mount_lines(task, {style.colour, 0});
  const auto mounts = objects_at(task, "mounts");
  for (std::size_t i = 0; i < lines.size(); ++i) out += "\n" + lines[i] + "\n" + mount_details(*mounts[i], style);
  return out;
}

std::string volumes_text(const json::object& answer, const Style& style) {
  Columns columns;
  columns.add(head({"VOLUME", "BACKEND", "REGION", "ID", "SIZE", "HERE", "USED BY", "DEFINED IN"}));
  const auto volumes = objects_at(answer, "volumes");
  for (const json::object* volume : volumes) {
    std::string here = text_at(*volume, "mounted_at");
    if (here.empty()) here = stage_phrase(text_at(*volume, "stage"));
    const auto or_dash = [](std::string text) { return text.empty() ? std::string("-") : text; };
    columns.add({text_at(*volume, "name"), or_dash(text_at(*volume, "backend")), or_dash(text_at(*volume, "region")),
                 or_dash(text_at(*volume, "volume_id")), or_dash(size_of(*volume)), or_dash(std::move(here)),
                 or_dash(users_of(*volume)), or_dash(text_at(*volume, "source"))});
  }
  return volumes.empty() ? "No volumes are defined or in use.\n" : text_of(columns, style);
}

std::string human_time(double milliseconds) {
  constexpr double kYear10000 = 253402300800e3;
  if (!(milliseconds >= 0) || milliseconds >= kYear10000) return {};
  const auto whole = static_cast<std::int64_t>(milliseconds);
  const auto seconds = static_cast<std::time_t>(whole / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::string out(text.data(), length);
  const std::string fraction = std::to_string(1000 + whole % 1000);
  return out + "." + fraction.substr(1);
}

std::string event_line(const std::string& type, const json::object& data, const Style& style) {
  std::string out = painted(human_time(number_at(data, "time").value_or(-1)), Colour::faint, style.colour);
  out += (out.empty() ? "" : "  ") + goal::printable(type);
  for (const auto& member : data) {
    if (member.key() == "time") continue;
    const std::string text = text_at(data, member.key());
    out +=
        "  " + goal::printable(std::string_view(member.key())) + "=" + (text.empty() ? compact(member.value()) : text);
  }
  return out;
}

}  // namespace mooring::agent::ctl
