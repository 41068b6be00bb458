// What every coroutine of the agent works with. Wired in main; all on the agent's thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/act/here.h"
#include "agent/act/ledger_writer.h"
#include "agent/act/node.h"
#include "agent/state/events.h"

namespace mooring::agent::act {

struct Settings {
  std::string mount_root;
  std::string definitions_directory;
  std::vector<std::string> own_directories;  // of moord: no task may bind them, nor what is in or above them
  std::chrono::milliseconds attach_timeout;
  std::chrono::milliseconds device_timeout;
  std::chrono::milliseconds task_timeout;
};

struct Services {
  boost::asio::any_io_executor executor;
  Here& here;
  Settings settings;
  Node& node;
  LedgerWriter& ledger;
  state::Events& events;
};

}  // namespace mooring::agent::act
