#include "agent/act/process_watch.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

namespace mooring::agent::act {

struct ProcessWatch::Wait {
  Wait(const boost::asio::any_io_executor& executor, std::function<void()> callback)
      : descriptor(executor), ended(std::move(callback)) {}

  /// An event alone is no end: now and then one comes for a process that lives (seen under load, with a descriptor that
  /// had just been opened). poll(2) says whether it has ended, and else it is waited for again.
  static void listen(const std::shared_ptr<Wait>& wait) {
    wait->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                [weak = std::weak_ptr(wait)](boost::system::error_code error) {
                                  const auto self = weak.lock();
                                  if (error || !self) return;
                                  pollfd state{self->descriptor.native_handle(), POLLIN, 0};
                                  if (::poll(&state, 1, 0) != 1) return listen(self);
                                  self->ended();
                                });
  }

  boost::asio::posix::stream_descriptor descriptor;
  std::function<void()> ended;
};

ProcessWatch::ProcessWatch(const boost::asio::any_io_executor& executor, pid_t pid, std::uint64_t start_time,
                           std::function<void()> ended)
    : wait_(std::make_shared<Wait>(executor, std::move(ended))) {
  auto report = [weak = std::weak_ptr(wait_)] {
    if (const auto wait = weak.lock()) wait->ended();
  };
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0 && errno != ESRCH && errno != EINVAL) return;  // cannot be watched: that is no end
  if (descriptor >= 0) wait_->descriptor.assign(descriptor);
  // Looked at once the descriptor is open: whose start it is now, had the number when it was opened, too.
  // What cannot be read now (no descriptor is left, say) is no end: the descriptor tells of that.
  const auto now = process_start_time(pid);
  if (descriptor < 0 || (now != 0 && now != start_time)) {
    boost::asio::post(executor, report);
    return;
  }
  Wait::listen(wait_);
}

ProcessWatch::ProcessWatch(ProcessWatch&&) noexcept = default;
ProcessWatch& ProcessWatch::operator=(ProcessWatch&&) noexcept = default;
ProcessWatch::~ProcessWatch() = default;

std::uint64_t process_start_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // Field 2, the name, may hold blanks and parentheses: count from the last one that closes.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t start = 0;
  fields >> start;
  return start;
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace mooring::agent::act
