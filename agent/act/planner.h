// From a goal to candidates in the order to try them: definitions, filter, one question to each backend.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "agent/act/services.h"
#include "agent/decide/resolver.h"
#include "agent/goal/task_goal.h"

namespace mooring::agent::act {

struct MountPlan {
  goal::Mount mount;
  std::vector<decide::Candidate> candidates;  // none for an instance path
  std::vector<std::size_t> order;             // of those that may be tried
};

/// What the definitions directory says, and what is wrong with it.
struct KnownVolumes {
  decide::Definitions definitions;
  std::vector<goal::Diagnostic> problems;
};

class Planner {
 public:
  /// Files are read on `workers`.
  Planner(Services& services, boost::asio::any_io_executor workers);

  /// `chosen` maps the paths of mounts to the volume they had before; it is tried first. Only when it is known where
  /// this instance is.
  boost::asio::awaitable<std::vector<MountPlan>> plan(goal::TaskGoal goal, std::map<std::string, std::string> chosen);

  /// The definitions directory; read again when a file of it has changed.
  boost::asio::awaitable<std::shared_ptr<const KnownVolumes>> known();

 private:
  boost::asio::awaitable<void> ask_backends(std::vector<MountPlan>& plans);

  Services& services_;
  boost::asio::any_io_executor workers_;
  std::string fingerprint_;
  std::shared_ptr<const KnownVolumes> known_ = std::make_shared<KnownVolumes>();
};

}  // namespace mooring::agent::act
