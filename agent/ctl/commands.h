// The commands of moorctl. Each blocks until it is done and returns the exit status (exit_status.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/ctl/input.h"
#include "agent/ctl/reply.h"

namespace mooring::agent::ctl {

struct AttachArguments {
  std::string task;
  GoalArguments goal;
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  bool no_wait = false;
  bool strict = false;
  Format format = Format::table;
};

struct ReleaseArguments {
  std::string task;
  bool force = false;
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  Format format = Format::table;
};

struct WaitArguments {
  std::string task;
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  bool strict = false;
};

struct StatusArguments {
  std::string task;  // empty: all
  bool watch = false;
  Format format = Format::table;
};

int attach(const Context& context, const AttachArguments& arguments);
int release(const Context& context, const ReleaseArguments& arguments);
int wait(const Context& context, const WaitArguments& arguments);
int status(const Context& context, const StatusArguments& arguments);
int explain(const Context& context, const GoalArguments& arguments, Format format);
int identity(const Context& context, Format format);
int volumes(const Context& context, Format format);
int events(const Context& context, bool follow, Format format);
/// Needs no daemon.
int check(const Context& context, const std::vector<std::string>& files, const std::vector<std::string>& variables);

/// Writes why a task's name is not valid; true: it is.
bool is_task(const Context& context, const std::string& name);
/// Writes what is wrong with the input and returns the exit status.
int refuse(const Context& context, const std::vector<std::string>& problems);

}  // namespace mooring::agent::ctl
