// A task, as the API and the ledger show it.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "agent/act/task.h"

namespace mooring::agent::act {

boost::json::object to_json(const Task& task);

/// `/data: vol-a wrong_region, vol-b in_use` of each mount that could not be had.
std::string why_failed(const Task& task);
/// From the task as it is told: that of a failed one may be a record of an earlier run.
std::string why_failed(const boost::json::object& task);

/// A candidate: name, verdict, detail, and what is known of the volume.
boost::json::object to_json(const decide::Candidate& candidate);

}  // namespace mooring::agent::act
