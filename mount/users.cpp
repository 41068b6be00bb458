#include "mount/users.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount/kernel_files.h"
#include "mount/mount_point.h"
#include "text/printable.h"

namespace mooring::mount {
namespace {

using text::harmless;  // users choose the names of their processes, files and containers

constexpr std::size_t kNamed = 3;             // users in a sentence
constexpr std::size_t kMapsRead = 4U << 20U;  // bytes of a process's maps

/// By what a file is known to lie on the file system: its mount, or, where that is no longer in any table, its device
/// number.
struct Marks {
  std::set<std::uint64_t> mounts;
  std::set<dev_t> devices;

  [[nodiscard]] bool cover(const std::string& path) const {
    struct statx status {};
    constexpr int kFlags = AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;  // a dead network server must not stop us
    if (::statx(AT_FDCWD, path.c_str(), kFlags, STATX_MNT_ID, &status) != 0) return false;
    return mounts.contains(status.stx_mnt_id) || devices.contains(makedev(status.stx_dev_major, status.stx_dev_minor));
  }
};

Marks marks_of(const Device& device, const std::string& target, const std::vector<MountNamespace>& namespaces) {
  Marks marks;
  marks.devices.insert(makedev(device.major, device.minor));
  for (const auto& space : namespaces) {
    for (const auto& entry : space.table) {
      if (!is_of_device(entry, device)) continue;
      marks.mounts.insert(static_cast<std::uint64_t>(entry.id));
      marks.devices.insert(makedev(entry.major, entry.minor));
      if (space.pid != 0 || entry.target != target) continue;
      struct stat status {};  // a btrfs subvolume has a number of its own
      if (::stat(target.c_str(), &status) == 0) marks.devices.insert(status.st_dev);
    }
  }
  return marks;
}

/// A line of /proc/PID/maps is "address perms offset major:minor inode path" (proc_pid_maps(5)), numbers in hex.
std::optional<std::string> mapped_file(const std::string& process, const Marks& marks) {
  const auto maps = read_file(process + "/maps", kMapsRead);
  std::string_view rest(maps ? *maps : std::string_view());
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    for (int field = 0; field < 3; ++field) line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
    unsigned numbers[2] = {0, 0};
    const auto* end = line.data() + line.size();
    const auto [colon, first] = std::from_chars(line.data(), end, numbers[0], 16);
    if (first != std::errc() || colon == end || *colon != ':') continue;
    const auto [after, second] = std::from_chars(colon + 1, end, numbers[1], 16);
    if (second != std::errc() || !marks.devices.contains(makedev(numbers[0], numbers[1]))) continue;
    const auto slash = line.find('/');
    return std::string(slash == std::string_view::npos ? "" : line.substr(slash));
  }
  return std::nullopt;
}

/// Empty: it does not use the file system.
std::string how_used(const std::string& process, const Marks& marks) {
  if (marks.cover(process + "/cwd")) return "working directory " + link_target(process + "/cwd");
  if (marks.cover(process + "/root")) return "root directory " + link_target(process + "/root");
  if (marks.cover(process + "/exe")) return "program " + link_target(process + "/exe");
  const auto fds = names_in(process + "/fd");  // not readable: not ours to see, and only an explanation less
  for (const auto& fd : fds ? fds.value() : std::vector<std::string>()) {
    const auto path = process + "/fd/" + fd;
    if (marks.cover(path)) return "open file " + link_target(path);
  }
  if (const auto file = mapped_file(process, marks)) return "mapped file " + *file;
  return {};
}

User user_of(pid_t pid, std::string_view how) {
  const auto process = "/proc/" + std::to_string(pid);
  return User{pid, harmless(read_attribute(process + "/comm").value_or("")),
              container_in(read_file(process + "/cgroup").value_or("")), harmless(how)};
}

std::vector<User> processes_with(const Marks& marks) {
  std::vector<User> users;
  const auto names = names_in("/proc");
  for (const auto& name : names ? names.value() : std::vector<std::string>()) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    const auto how = how_used("/proc/" + name, marks);
    if (!how.empty()) users.push_back(user_of(pid, how));
  }
  return users;
}

/// Loop devices whose image file lies on the file system: no process holds them.
void add_loop_devices(const Marks& marks, std::vector<User>& users) {
  const auto names = names_in("/sys/block");
  for (const auto& name : names ? names.value() : std::vector<std::string>()) {
    const auto file =
        name.starts_with("loop") ? read_attribute("/sys/block/" + name + "/loop/backing_file") : std::nullopt;
    if (!file) continue;
    const Fd loop(::open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    loop_info64 info{};
    if (!loop || ::ioctl(loop.get(), LOOP_GET_STATUS64, &info) != 0 || !marks.devices.contains(info.lo_device))
      continue;
    users.push_back(User{0, "/dev/" + name, "", "loop device of the file " + harmless(*file)});
  }
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::string container_in(std::string_view cgroup) {
  // docker-<id>.scope, cri-containerd-<id>.scope, libpod-<id>.scope, /docker/<id>: everywhere 64 hexadecimal digits.
  constexpr std::size_t kIdLength = 64;
  std::size_t run = 0;
  for (std::size_t at = 0; at <= cgroup.size(); ++at) {
    if (at < cgroup.size() && is_hex(cgroup[at])) {
      ++run;
      continue;
    }
    if (run == kIdLength) return std::string(cgroup.substr(at - run, run));
    run = 0;
  }
  return {};
}

std::vector<User> users_of_mount(std::uint64_t mount_id) { return processes_with(Marks{{mount_id}, {}}); }

std::vector<User> as_users(const std::vector<Copy>& copies) {
  std::vector<User> users;
  for (const auto& copy : copies) {
    if (copy.pid == 0) {
      users.push_back(User{0, "", "", "also mounted at " + harmless(copy.target)});
    } else {
      users.push_back(user_of(copy.pid, "mount namespace, mounted there at " + copy.target));
    }
  }
  return users;
}

std::string described(const std::vector<User>& users) {
  std::string text;
  for (std::size_t index = 0; index < std::min(users.size(), kNamed); ++index) {
    const auto& user = users[index];
    if (index != 0) text += ", ";
    if (user.pid != 0) {
      text += user.command + " (pid " + std::to_string(user.pid) + ", ";
      if (!user.container.empty()) text += "container " + user.container.substr(0, 12) + ", ";
      text += user.how + ")";
    } else {
      text += user.command.empty() ? user.how : user.command + " (" + user.how + ")";
    }
  }
  if (users.size() > kNamed) text += " and " + std::to_string(users.size() - kNamed) + " more";
  return text;
}

namespace blocking {

Result<std::vector<User>> find_users(const Device& device, const std::string& target) {
  BOOST_OUTCOME_TRY(const auto namespaces, mount_namespaces());
  const Marks marks = marks_of(device, target, namespaces);
  auto users = processes_with(marks);
  add_loop_devices(marks, users);
  // What goes away by itself with the mount at `target` is no user of it.
  std::optional<int> id;
  for (const auto& entry : namespaces.front().table) {
    if (entry.target == target && is_of_device(entry, device)) id = entry.id;
  }
  auto mounts = as_users(id ? lasting_copies(namespaces, *id) : all_copies(namespaces, device, target));
  users.insert(users.end(), mounts.begin(), mounts.end());
  return users;
}

}  // namespace blocking
}  // namespace mooring::mount
