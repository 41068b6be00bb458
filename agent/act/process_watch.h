// Tells when a process ends (pidfd_open(2)); it need not be a child.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>

namespace mooring::agent::act {

/// As long as it lives, waits for the end of one process.
class ProcessWatch {
 public:
  /// The process `pid` that started at `start_time` (see below); another one that has got its number is not it.
  /// `ended` is called once, on `executor`, never from within this call; at once if there is no such process.
  ProcessWatch(const boost::asio::any_io_executor& executor, pid_t pid, std::uint64_t start_time,
               std::function<void()> ended);
  ProcessWatch(ProcessWatch&&) noexcept;
  ProcessWatch& operator=(ProcessWatch&&) noexcept;
  ~ProcessWatch();

 private:
  struct Wait;
  std::shared_ptr<Wait> wait_;
};

/// When a process started, in clock ticks since boot (proc(5), stat field 22): with its number and the boot it names
/// one process for ever. 0: there is no such process.
std::uint64_t process_start_time(pid_t pid);

/// /proc/sys/kernel/random/boot_id
std::string boot_id();

}  // namespace mooring::agent::act
