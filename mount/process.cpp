#include "mount/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount/handles.h"
#include "mount/kernel_files.h"
#include "mount/stop_event.h"
#include "text/printable.h"

namespace mooring::mount {
namespace {

constexpr const char* kPath = "/usr/sbin:/usr/bin:/sbin:/bin";

class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  int prepare(int output) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    // The daemon ignores it, and so do they: should it die, an e2fsck is not ended by the next line that nobody reads.
    sigdelset(&all, SIGPIPE);
    const std::array steps{
        posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0),
        posix_spawn_file_actions_adddup2(&actions_, output, 1),
        posix_spawn_file_actions_adddup2(&actions_, output, 2),
        posix_spawn_file_actions_addclosefrom_np(&actions_, 3),  // also what others forgot to mark close-on-exec
        posix_spawnattr_setsigmask(&attributes_, &none),
        posix_spawnattr_setsigdefault(&attributes_, &all),
        posix_spawnattr_setpgroup(&attributes_, 0),  // so that a stop reaches its children too
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP),
    };
    for (const int failed : steps) {
      if (failed != 0) return failed;
    }
    return 0;
  }

  posix_spawn_file_actions_t* actions() { return &actions_; }
  posix_spawnattr_t* attributes() { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::string_view rest(kPath);
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    auto path = std::string(rest.substr(0, colon)) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return std::nullopt;
}

}  // namespace

std::string in_brief(std::string_view output) {
  constexpr std::size_t kLongest = 400;
  std::string brief;
  while (!output.empty() && brief.size() < kLongest) {
    const auto end = std::min(output.find('\n'), output.size());
    const auto line = trimmed(output.substr(0, end));
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.starts_with("Usage:") || line.starts_with("usage:")) break;
    if (!line.empty()) brief += (brief.empty() ? "" : "; ") + text::harmless(line);
  }
  if (brief.size() > kLongest) brief = brief.substr(0, kLongest) + "…";
  return brief;
}

std::shared_mutex& no_child_is_born() {
  static std::shared_mutex mutex;
  return mutex;
}

namespace {

Result<pid_t> start(const std::string& program, std::vector<std::string> argv, int output) {
  SpawnSettings settings;
  if (const int failed = settings.prepare(output); failed != 0) {
    return system_error("cannot prepare to run " + program, failed);
  }
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (auto& argument : argv) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::string path = std::string("PATH=") + kPath;
  std::string locale = "LC_ALL=C";
  std::array<char*, 3> environment{path.data(), locale.data(), nullptr};
  pid_t pid = -1;
  const std::unique_lock alone(no_child_is_born());
  if (const int failed = posix_spawn(&pid, program.c_str(), settings.actions(), settings.attributes(), arguments.data(),
                                     environment.data());
      failed != 0) {
    return system_error("cannot run " + program, failed);
  }
  return pid;
}

void keep_output(int pipe, std::string& kept) {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    kept.append(buffer.data(), static_cast<std::size_t>(got));
    if (kept.size() > kOutputKept) kept.erase(0, kept.size() - kOutputKept);
  }
}

/// Waits until the process has ended, ending it when a stop is requested. True: it was stopped by request.
bool wait_for(pid_t pid, int pidfd, int pipe, const StopEvent& stop, std::string& output) {
  bool stopping = false;
  std::chrono::steady_clock::time_point kill_at{};
  for (;;) {
    std::array<pollfd, 3> waiting{pollfd{pidfd, POLLIN, 0}, pollfd{pipe, POLLIN, 0},
                                  pollfd{stopping ? -1 : stop.descriptor(), POLLIN, 0}};
    int timeout = -1;
    if (stopping) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(kill_at - std::chrono::steady_clock::now());
      timeout = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    const int ready = ::poll(waiting.data(), waiting.size(), timeout);
    if (ready < 0) continue;  // EINTR
    if (ready == 0) {
      ::kill(-pid, SIGKILL);
      kill_at += std::chrono::hours(1);
      continue;
    }
    if ((waiting[1].revents & POLLIN) != 0) keep_output(pipe, output);
    if (waiting[0].revents != 0) return stopping;
    // Once all writers are gone the pipe is always ready: wait for the end by a blocking wait then, but stay stoppable.
    if (waiting[1].revents != 0 && (waiting[1].revents & POLLIN) == 0) pipe = -1;
    if (waiting[2].revents != 0) {
      stopping = true;
      kill_at = std::chrono::steady_clock::now() + kTermGrace;
      ::kill(-pid, SIGTERM);
    }
  }
}

}  // namespace

Result<ProcessEnd> run_process(const std::vector<std::string>& argv, std::stop_token stop) {
  if (stop.stop_requested()) return Error{Errc::cancelled, argv.front() + " was not started: stopped on request", 0};
  const auto program = find_program(argv.front());
  if (!program) return system_error(argv.front() + " is not installed", ENOENT);
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  const StopEvent stop_event(std::move(stop));
  if (stop_event.descriptor() < 0) return system_error("cannot make an event", errno);
  BOOST_OUTCOME_TRY(const pid_t pid, start(*program, argv, writing.get()));
  writing.reset();
  // Ours and not yet waited for, so the number cannot belong to another process.
  // The system call itself: glibc 2.36 declares its wrapper without C linkage.
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int error_number = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return system_error("cannot watch " + *program, error_number);
  }
  ProcessEnd end;
  const bool stopped = wait_for(pid, pidfd.get(), reading.get(), stop_event, end.output);
  if (stopped) ::kill(-pid, SIGKILL);  // children that did not heed SIGTERM
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  keep_output(reading.get(), end.output);
  end.status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  if (stopped) return Error{Errc::cancelled, argv.front() + " was stopped on request", 0};
  return end;
}

}  // namespace mooring::mount
