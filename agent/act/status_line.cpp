#include "agent/act/status_line.h"

#include <cstddef>
#include <map>
#include <string_view>

namespace mooring::agent::act {

std::string status_line(const Tasks& tasks, const Here& here) {
  std::map<TaskState, std::size_t> counts;
  for (const auto& [id, task] : tasks.all()) ++counts[task->state()];
  const std::size_t all = tasks.all().size();
  std::string line = all == 0 ? "no tasks" : std::to_string(all) + (all == 1 ? " task" : " tasks");
  std::string_view separator = ": ";
  for (const auto& [state, count] : counts) {
    line += std::string(separator) + std::to_string(count) + " " + std::string(to_string(state));
    separator = ", ";
  }
  if (!here.known()) return line + "; " + here.missing();
  const auto& identity = here.identity();
  return line + "; " + identity.provider + " " + (identity.zone.empty() ? identity.region : identity.zone);
}

}  // namespace mooring::agent::act
