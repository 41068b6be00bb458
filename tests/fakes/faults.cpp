// Faults that loop devices do not have, put between a program and the kernel: LD_PRELOAD=libfaults.so, and in
// MOORING_FAULTS what happens, separated by spaces. A number after the last comma: only so many times, then no more;
// after a plus: only from that time on.
//   eio:DEVICE@BYTE        whatever reads that byte of the device fails with EIO; DEVICE may be `loop`: all of them
//   short:DEVICE@BYTE      the device gives nothing from that byte on
//   size:DEVICE=BYTES      BLKGETSIZE64 answers so
//   file:DEVICE            LOOP_GET_STATUS64 tells of another file
//   serial:DEVICE=TEXT     the device is no loop device, but one (of major 240) with that serial number
//   umount2:ERRNO          fails so, and does nothing; syncfs:ERRNO as well
//   mount:ERRNO            fails so, but it is mounted
//   before-mount:PROGRAM   is run just before; before-umount2:PROGRAM as well
//   after-mount:PROGRAM    is run just after
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr unsigned kFakeMajor = 240;  // "LOCAL/EXPERIMENTAL USE" (Documentation/admin-guide/devices.txt)

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

struct Fault {
  std::string kind;
  std::string what;       // device, errno or program
  std::uint64_t at = 0;   // byte, or size
  std::string text;       // after '='
  dev_t device = 0;       // of `what`, if it is one
  long times = LONG_MAX;  // left
  long not_before = 0;    // calls that are let through first
};

/// The kernel's own answer, past all hooks.
dev_t device_number(const char* path) {
  struct statx status {};
  if (::syscall(SYS_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &status) != 0) return 0;
  return S_ISBLK(status.stx_mode) ? makedev(status.stx_rdev_major, status.stx_rdev_minor) : 0;
}

dev_t device_number(int descriptor) {
  struct statx status {};
  if (::syscall(SYS_statx, descriptor, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) != 0) return 0;
  return S_ISBLK(status.stx_mode) ? makedev(status.stx_rdev_major, status.stx_rdev_minor) : 0;
}

bool is_of(const Fault& fault, dev_t device) {
  return fault.device == device || (fault.what == "loop" && major(device) == LOOP_MAJOR);
}

Fault parse(std::string word) {
  Fault fault;
  const auto count = word.find_last_of(",+");
  if (count != std::string::npos) {
    (word[count] == ',' ? fault.times : fault.not_before) = std::atol(word.c_str() + count + 1);
    word.resize(count);
  }
  const auto colon = word.find(':');
  fault.kind = word.substr(0, colon);
  fault.what = word.substr(colon + 1);
  const auto end = fault.what.find_first_of("@=");
  if (end != std::string::npos) {
    fault.text = fault.what.substr(end + 1);
    fault.at = std::strtoull(fault.text.c_str(), nullptr, 10);
    fault.what.resize(end);
  }
  fault.device = device_number(fault.what.c_str());
  return fault;
}

std::mutex& mutex() {
  static std::mutex one;
  return one;
}

std::vector<Fault>& faults() {
  static std::vector<Fault> all = [] {
    std::vector<Fault> found;
    std::string rest = std::getenv("MOORING_FAULTS") == nullptr ? "" : std::getenv("MOORING_FAULTS");
    while (!rest.empty()) {
      const auto end = std::min(rest.find(' '), rest.size());
      if (end != 0) found.push_back(parse(rest.substr(0, end)));
      rest.erase(0, end + 1);
    }
    return found;
  }();
  return all;
}

/// The fault that happens now, counted; null: none.
const Fault* due(const char* kind, dev_t device = 0) {
  const std::lock_guard guard(mutex());
  for (auto& fault : faults()) {
    if (fault.kind != kind || (device != 0 && !is_of(fault, device))) continue;
    if (fault.not_before > 0 && --fault.not_before > 0) continue;
    if (fault.times <= 0) continue;
    if (fault.times != LONG_MAX) --fault.times;
    return &fault;
  }
  return nullptr;
}

bool any(const char* kind) {
  for (const auto& fault : faults())
    if (fault.kind == kind) return true;
  return false;
}

int number_of(const std::string& name) {
  if (name == "EBUSY") return EBUSY;
  if (name == "EIO") return EIO;
  if (name == "EINVAL") return EINVAL;
  std::abort();  // not known here
}

/// How much of a read is left of it; negative: it fails.
ssize_t allowed(int descriptor, std::uint64_t offset, std::size_t size) {
  if (!any("eio") && !any("short")) return static_cast<ssize_t>(size);
  const dev_t device = device_number(descriptor);
  if (device == 0 || size == 0) return static_cast<ssize_t>(size);
  for (const auto& fault : faults()) {
    if (!is_of(fault, device)) continue;
    if (fault.kind == "eio" && fault.at >= offset && fault.at - offset < size && due("eio", device) != nullptr) {
      errno = EIO;
      return -1;
    }
    if (fault.kind == "short" && offset + size > fault.at)
      return fault.at <= offset ? 0 : static_cast<ssize_t>(fault.at - offset);
  }
  return static_cast<ssize_t>(size);
}

void run(const std::string& program) {
  std::string name = program;
  char* arguments[] = {name.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment) == 0) {
    ::waitpid(child, nullptr, 0);
  } else {
    std::abort();
  }
}

void around_mount(const char* when) {
  if (const Fault* fault = due(when)) run(fault->what);
}

/// For a disguised device: what the program reads instead of sysfs; empty: the path itself.
std::string disguised(const char* path) {
  if (path == nullptr || !any("serial")) return {};
  for (const auto& fault : faults()) {
    if (fault.kind != "serial") continue;
    const std::string fake = "/sys/dev/block/" + std::to_string(kFakeMajor) + ":" + std::to_string(minor(fault.device));
    const std::string own =
        "/sys/dev/block/" + std::to_string(major(fault.device)) + ":" + std::to_string(minor(fault.device));
    if (std::strncmp(path, fake.c_str(), fake.size()) != 0) continue;
    const std::string rest = path + fake.size();
    if (rest != "/serial") return own + rest;
    const Fault* now = due("serial", fault.device);
    // A file with the text in it; the name of the descriptor outlives the call.
    const int file = ::memfd_create("serial", 0);
    const std::string text = now != nullptr ? now->text : "another";
    if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    return "/proc/self/fd/" + std::to_string(file);
  }
  return {};
}

void disguise(struct stat* status) {
  if (!any("serial") || !S_ISBLK(status->st_mode)) return;
  for (const auto& fault : faults())
    if (fault.kind == "serial" && fault.device == status->st_rdev)
      status->st_rdev = makedev(kFakeMajor, minor(status->st_rdev));
}

int open_real(const char* name, const char* path, int flags, mode_t mode) {
  const auto other = disguised(path);
  return real<int(const char*, int, ...)>(name)(other.empty() ? path : other.c_str(), flags, mode);
}

}  // namespace

extern "C" {

ssize_t pread(int descriptor, void* buffer, std::size_t size, off_t offset) {
  const auto length = allowed(descriptor, static_cast<std::uint64_t>(offset), size);
  if (length < 0) return -1;
  return real<ssize_t(int, void*, std::size_t, off_t)>("pread")(descriptor, buffer, static_cast<std::size_t>(length),
                                                                offset);
}

ssize_t pread64(int descriptor, void* buffer, std::size_t size, off_t offset) {
  return pread(descriptor, buffer, size, offset);
}

ssize_t __pread_chk(int descriptor, void* buffer, std::size_t size, off_t offset, std::size_t /*room*/) {
  return pread(descriptor, buffer, size, offset);
}

ssize_t __pread64_chk(int descriptor, void* buffer, std::size_t size, off_t offset, std::size_t /*room*/) {
  return pread(descriptor, buffer, size, offset);
}

ssize_t read(int descriptor, void* buffer, std::size_t size) {
  static auto* const next = real<ssize_t(int, void*, std::size_t)>("read");
  if (!any("eio") && !any("short")) return next(descriptor, buffer, size);
  const off_t at = ::lseek(descriptor, 0, SEEK_CUR);
  const auto length = at < 0 ? static_cast<ssize_t>(size) : allowed(descriptor, static_cast<std::uint64_t>(at), size);
  return length < 0 ? -1 : next(descriptor, buffer, static_cast<std::size_t>(length));
}

ssize_t __read_chk(int descriptor, void* buffer, std::size_t size, std::size_t /*room*/) {
  return read(descriptor, buffer, size);
}

int ioctl(int descriptor, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void* const argument = va_arg(list, void*);
  va_end(list);
  const int answer = real<int(int, unsigned long, ...)>("ioctl")(descriptor, request, argument);
  if (answer != 0) return answer;
  if (request == BLKGETSIZE64) {
    if (const Fault* fault = any("size") ? due("size", device_number(descriptor)) : nullptr)
      *static_cast<std::uint64_t*>(argument) = fault->at;
  }
  if (request == LOOP_GET_STATUS64 && any("file") && due("file", device_number(descriptor)) != nullptr)
    static_cast<loop_info64*>(argument)->lo_inode += 1;
  return answer;
}

int umount2(const char* target, int flags) {
  around_mount("before-umount2");
  if (const Fault* fault = due("umount2")) {
    errno = number_of(fault->what);
    return -1;
  }
  return real<int(const char*, int)>("umount2")(target, flags);
}

int syncfs(int descriptor) {
  if (const Fault* fault = due("syncfs")) {
    errno = number_of(fault->what);
    return -1;
  }
  return real<int(int)>("syncfs")(descriptor);
}

// libmount up to 2.38 calls mount(2), later ones move_mount(2).
int mount(const char* source, const char* target, const char* type, unsigned long flags, const void* data) {
  around_mount("before-mount");
  int answer = real<int(const char*, const char*, const char*, unsigned long, const void*)>("mount")(source, target,
                                                                                                     type, flags, data);
  around_mount("after-mount");
  const Fault* const fault = answer == 0 ? due("mount") : nullptr;
  if (fault != nullptr) {
    errno = number_of(fault->what);
    answer = -1;
  }
  return answer;
}

int move_mount(int from, const char* from_path, int to, const char* to_path, unsigned flags) {
  around_mount("before-mount");
  int answer =
      real<int(int, const char*, int, const char*, unsigned)>("move_mount")(from, from_path, to, to_path, flags);
  around_mount("after-mount");
  const Fault* const fault = answer == 0 ? due("mount") : nullptr;
  if (fault != nullptr) {
    errno = number_of(fault->what);
    answer = -1;
  }
  return answer;
}

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const auto mode = static_cast<mode_t>(va_arg(list, unsigned));
  va_end(list);
  return open_real("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const auto mode = static_cast<mode_t>(va_arg(list, unsigned));
  va_end(list);
  return open_real("open64", path, flags, mode);
}

int __open_2(const char* path, int flags) { return open_real("open", path, flags, 0); }

int __open64_2(const char* path, int flags) { return open_real("open64", path, flags, 0); }

ssize_t readlink(const char* path, char* buffer, std::size_t size) {
  const auto other = disguised(path);
  return real<ssize_t(const char*, char*, std::size_t)>("readlink")(other.empty() ? path : other.c_str(), buffer, size);
}

ssize_t __readlink_chk(const char* path, char* buffer, std::size_t size, std::size_t /*room*/) {
  return readlink(path, buffer, size);
}

int access(const char* path, int mode) {
  const auto other = disguised(path);
  return real<int(const char*, int)>("access")(other.empty() ? path : other.c_str(), mode);
}

DIR* opendir(const char* path) {
  const auto other = disguised(path);
  return real<DIR*(const char*)>("opendir")(other.empty() ? path : other.c_str());
}

int stat(const char* path, struct stat* status) {
  const int answer = real<int(const char*, struct stat*)>("stat")(path, status);
  if (answer == 0) disguise(status);
  return answer;
}

int fstat(int descriptor, struct stat* status) {
  const int answer = real<int(int, struct stat*)>("fstat")(descriptor, status);
  if (answer == 0) disguise(status);
  return answer;
}

}  // extern "C"
