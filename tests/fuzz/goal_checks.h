// Promises of agent/goal, whatever it reads.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <boost/json/serialize.hpp>

#include "agent/goal/document.h"
#include "agent/goal/task_goal.h"
#include "tests/fuzz/fuzz.h"

namespace mooring::fuzz {

/// An error stands within the text, and its sentence can be shown.
inline void expect_sound(const agent::goal::Diagnostics& diagnostics, std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r') + 1;
  for (const auto& one : diagnostics.all()) {
    expect_printable(one.message);
    expect(!one.message.empty(), "an error says something");
    expect(one.at.line >= 0 && one.at.line <= lines, "an error is on a line of the text", to_string(one));
    expect(one.at.column >= 0 && static_cast<std::size_t>(one.at.column) <= text.size() + 1,
           "an error is in a column of the text", to_string(one));
  }
}

inline void expect_canonical(const std::string& path) {
  std::string why;
  expect(path.starts_with('/'), "a path is absolute", path);
  expect(agent::goal::normalise_path(path, why) == path, "a path is normalised", path);
  expect(("/" + path + "/").find("/../") == std::string::npos, "a path has no ..", path);
  expect_printable(path);
}

inline void expect_sound(const agent::goal::Mount& mount) {
  expect(mount.names.empty() != mount.instance_path.empty(), "a mount is of a volume or of a directory", mount.path);
  expect_canonical(mount.path);
  if (!mount.instance_path.empty()) expect_canonical(mount.instance_path);
  for (const auto& name : mount.names) expect(agent::goal::is_valid_name(name), "a name is a valid one", name);
  for (const auto& option : mount.options) {
    expect_printable(option);
    expect(option.find_first_of(", ") == std::string::npos, "an option is one option (rule 16)", option);
  }
}

inline void expect_sound(const agent::goal::Definition& definition) {
  expect(agent::goal::is_valid_name(definition.name), "a name is a valid one", definition.name);
  for (const auto* text :
       {&definition.backend, &definition.region, &definition.availability_zone, &definition.volume_id, &definition.fs})
    expect_printable(*text);
  for (const auto& [key, value] : definition.parameters) expect_printable(value);
}

/// What is written for the ledger is read back as the same.
inline void expect_same_again(const agent::goal::TaskGoal& goal) {
  using namespace agent::goal;
  const std::string text = boost::json::serialize(to_json(goal));
  Diagnostics diagnostics("ledger");
  const auto documents = parse(text, Format::json, diagnostics);
  expect(diagnostics.ok() && documents.size() == 1, "what is written can be parsed", text);
  const TaskGoal again = read_request(documents.front(), {}, diagnostics);
  expect(diagnostics.ok(), "what is written is a valid goal",
         diagnostics.ok() ? "" : diagnostics.all().front().message);
  expect(again == goal, "what is written is read back as the same goal", text);
}

}  // namespace mooring::fuzz
