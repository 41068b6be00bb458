// Runs a program: a list of arguments, never a shell. Internal.
#pragma once

#include <chrono>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "mount/error.h"

namespace mooring::mount {

struct ProcessEnd {
  int status = 0;      // exit status; 128 + the signal's number when a signal ended it
  std::string output;  // the end of what it wrote to stdout and stderr, at most kOutputKept bytes
};

inline constexpr std::size_t kOutputKept = 16UL * 1024;

/// The beginning of what a program wrote, in one line and without its usage text, for an error. What is not printable
/// is escaped: a program repeats what it found on a disk.
std::string in_brief(std::string_view output);

/// How long a program may take to end after SIGTERM, before SIGKILL.
inline constexpr std::chrono::seconds kTermGrace{5};

/// Runs argv[0], searched in the system's own directories, with an empty stdin, no descriptor of ours, and LC_ALL=C.
/// Blocks until it has ended. A requested stop ends it and its children: cancelled. Errors: system (not installed,
/// cannot start), cancelled.
Result<ProcessEnd> run_process(const std::vector<std::string>& argv, std::stop_token stop);

/// A child has a copy of every descriptor from its birth until it executes its program, close-on-exec or not; so an
/// exclusive claim (O_EXCL) that is given up meanwhile lives on in a child of another thread. Who holds this mutex
/// shared while it has a claim, has it alone: run_process starts nothing as long as somebody does.
std::shared_mutex& no_child_is_born();

}  // namespace mooring::mount
