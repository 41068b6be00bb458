// Waiting until a task has come to where it is going.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "agent/ctl/reply.h"

namespace mooring::agent::ctl {

/// How long a request may take that waits `wait` on the server.
std::chrono::milliseconds patience(std::chrono::milliseconds wait);

struct TaskWait {
  std::string task;
  std::string_view method;       // of the first request: PUT or DELETE
  std::string_view again;        // of those after it: the server lets one wait only so long
  std::string body;              // of the first
  std::string query;             // of all: `&force=true`
  std::string_view while_state;  // it is waited as long as the task is in this state
  std::chrono::milliseconds timeout{0};
  bool show = false;  // rewrite a line a mount on the terminal meanwhile
};

struct Waited {
  Answer answer;
  bool accepted = false;  // an answer came before: what was asked for stands
};

/// Blocks for `timeout` at most, and until an interrupt (Client::catch_signals).
Waited wait_for_task(const Context& context, const TaskWait& wait);

}  // namespace mooring::agent::ctl
