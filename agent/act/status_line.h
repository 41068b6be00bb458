// What this daemon is doing, in a line: for `systemctl status`.
#pragma once

#include <string>

#include "agent/act/here.h"
#include "agent/act/tasks.h"

namespace mooring::agent::act {

/// "3 tasks: 2 ready, 1 preparing; aws us-east-1a". Where that is not known, why.
std::string status_line(const Tasks& tasks, const Here& here);

}  // namespace mooring::agent::act
