// What is written on the command line and in files, read into the body of a request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "agent/goal/task_goal.h"

namespace mooring::agent::ctl {

struct GoalArguments {
  std::string file;                      // -f; `-` is standard input
  std::vector<std::string> mounts;       // MOUNT…
  std::vector<std::string> definitions;  // files or directories
  std::vector<std::string> variables;    // NAME=VALUE
  std::optional<int> owner;
};

/// A goal, or all that is wrong with it: lines to print, `FILE:LINE:COLUMN: …` or `moorctl: …`.
struct Input {
  goal::TaskGoal goal;
  std::vector<std::string> problems;
  [[nodiscard]] bool ok() const { return problems.empty(); }
};

/// Blocks: reads the files. Says also what is missing or too much among the arguments.
Input read_input(const GoalArguments& arguments);

/// What `moorctl check` found in a file.
struct Checked {
  std::string summary;  // `2 mounts`
  std::vector<std::string> problems;
};

/// Blocks: reads one file, a goal, a dstack run configuration, definitions of volumes, or moord's configuration: which
/// of them is seen from what is in it.
Checked check_file(const std::string& file, const std::vector<std::string>& words);

}  // namespace mooring::agent::ctl
