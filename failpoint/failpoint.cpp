#include "failpoint/failpoint.h"

#ifdef MOORING_FAILPOINTS

#include <csignal>
#include <cstdlib>
#include <mutex>

#include <fcntl.h>
#include <unistd.h>

namespace mooring::failpoint {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
  return value == nullptr ? "" : value;
}

struct Plan {
  std::string name;
  unsigned long left = 1;
  bool hangs = false;
  int log = -1;

  Plan() : name(variable("MOORING_FAILPOINT")) {
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      hangs = name.substr(colon + 1) == "hang";
      if (!hangs) left = std::strtoul(name.c_str() + colon + 1, nullptr, 10);
      name.resize(colon);
    }
    if (const auto file = variable("MOORING_FAILPOINT_LOG"); !file.empty())
      log = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  }
};

}  // namespace

void pass(std::string_view name) {
  static std::mutex mutex;
  static Plan plan;
  const std::lock_guard lock(mutex);
  if (plan.log >= 0) {
    const std::string line = std::string(name) + "\n";
    if (::write(plan.log, line.data(), line.size()) < 0) std::abort();
  }
  if (name != plan.name || --plan.left != 0) return;
  while (plan.hangs) ::pause();
  ::kill(::getpid(), SIGKILL);
}

std::vector<std::string> all() {
  std::vector<std::string> names;
  for (const auto step : kSteps)
    for (const char* side : {".before", ".after"}) names.push_back(std::string(step) + side);
  names.insert(names.end(), kPoints.begin(), kPoints.end());
  return names;
}

}  // namespace mooring::failpoint

#endif
