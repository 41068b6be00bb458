#include "loop_disk.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount/mount_table.h"
#include "mount/process.h"

namespace mooring::test {
namespace {

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) { return (hash ^ value) * 0x100000001b3ULL; }

void must(bool success, const std::string& what) {
  if (success) return;
  std::perror(what.c_str());
  std::abort();
}

void set_flags(const std::filesystem::path& path, bool immutable) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  int flags = 0;
  if (fd >= 0 && ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
    flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    ::ioctl(fd, FS_IOC_SETFLAGS, &flags);
  }
  if (fd >= 0) ::close(fd);
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
  const char* base = std::getenv("TMPDIR");
  auto name = std::filesystem::canonical(base != nullptr ? base : "/tmp").string() + "/mooring-node-" +
              std::to_string(::getpid()) + "-XXXXXX";
  must(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
  const auto table = mount::read_mount_table();
  const auto entries = table ? table.value() : std::vector<mount::TableEntry>();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->target.starts_with(path_.string())) ::umount2(entry->target.c_str(), MNT_DETACH);
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_, ignored)) {
    if (entry.is_directory() && !entry.is_symlink()) set_flags(entry.path(), false);
  }
  std::filesystem::remove_all(path_, ignored);
  EXPECT_FALSE(std::filesystem::exists(path_)) << path_;
}

LoopDisk::LoopDisk(const std::filesystem::path& directory, std::uint64_t size, const LoopSettings& settings) {
  static int number = 0;
  image_ = directory / ("disk" + std::to_string(number++) + ".img");
  if (!settings.copy_of.empty()) run({"cp", "--sparse=always", settings.copy_of, image_});
  const int image = ::open(image_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must(image >= 0, "image");
  must(::ftruncate(image, static_cast<off_t>(size)) == 0, "ftruncate");
  if (settings.prepare) settings.prepare(image);
  ::fsync(image);
  loop_config config{};
  config.fd = static_cast<__u32>(image);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN;
  if (settings.read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  must(control >= 0, "loop-control");
  for (int attempt = 0; attempt < 100 && fd_ < 0; ++attempt) {  // others may take the free one first
    const int free = ::ioctl(control, LOOP_CTL_GET_FREE);
    must(free >= 0, "LOOP_CTL_GET_FREE");
    path_ = "/dev/loop" + std::to_string(free);
    const int loop = ::open(path_.c_str(), (settings.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (loop < 0) continue;
    if (::ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
      fd_ = loop;
      const int protect = settings.read_only ? 1 : 0;
      ::ioctl(loop, BLKROSET, &protect);  // it stays what somebody once made of it, whatever it is given to next
    } else {
      ::close(loop);
    }
  }
  ::close(control);
  ::close(image);
  must(fd_ >= 0, "LOOP_CONFIGURE");
}

LoopDisk::~LoopDisk() {
  detach();
  ::unlink(image_.c_str());
}

void LoopDisk::detach() {
  if (fd_ < 0) return;
  const int writable = 0;
  ::ioctl(fd_, BLKROSET, &writable);  // else the next image on this device could not be written to
  ::ioctl(fd_, LOOP_CLR_FD);
  ::close(fd_);
  fd_ = -1;
}

mount::DiskLook LoopDisk::look() const {
  struct stat status {};
  must(::stat(image_.c_str(), &status) == 0, "stat");
  mount::DiskLook look;
  look.backing_file = mount::FileId{status.st_dev, status.st_ino};
  look.links = {path_};
  return look;
}

mount::Device LoopDisk::device() const {
  const auto found = mount::blocking::find_disk(look());
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  return found ? found.value() : mount::Device{};
}

void LoopDisk::write(std::uint64_t offset, const std::string& bytes) const {
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  must(fd >= 0, path_);
  must(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size()),
       "pwrite");
  must(::fsync(fd) == 0, "fsync");
  ::close(fd);
}

void LoopDisk::grow(std::uint64_t size) const {
  must(::truncate(image_.c_str(), static_cast<off_t>(size)) == 0, "truncate");
  must(::ioctl(fd_, LOOP_SET_CAPACITY) == 0, "LOOP_SET_CAPACITY");
}

std::uint64_t LoopDisk::fingerprint() const {
  ::fsync(fd_);
  const int fd = ::open(image_.c_str(), O_RDONLY | O_CLOEXEC);
  must(fd >= 0, image_);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  std::array<unsigned char, 65536> buffer;
  for (off_t at = ::lseek(fd, 0, SEEK_DATA); at >= 0;) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), at);
    if (got <= 0) break;
    for (ssize_t index = 0; index < got; ++index) {
      const auto byte = buffer[static_cast<std::size_t>(index)];
      if (byte != 0) hash = mixed(mixed(hash, static_cast<std::uint64_t>(at + index)), byte);
    }
    at = ::lseek(fd, at + got, SEEK_DATA);
  }
  ::close(fd);
  return hash;
}

std::string run(const std::vector<std::string>& argv) {
  const auto end = mount::run_process(argv, {});
  EXPECT_TRUE(end) << (end ? "" : end.error().message);
  if (!end) return {};
  EXPECT_EQ(end.value().status, 0) << argv.front() << ": " << end.value().output;
  return end.value().output;
}

Child::Child(const std::function<void()>& prepare) {
  std::array<int, 2> ready{};
  std::array<int, 2> go{};
  must(::pipe2(ready.data(), O_CLOEXEC) == 0 && ::pipe2(go.data(), O_CLOEXEC) == 0, "pipe2");
  pid_ = ::fork();
  must(pid_ >= 0, "fork");
  char byte = 'x';
  if (pid_ == 0) {
    ::close(go[1]);
    prepare();
    [[maybe_unused]] auto written = ::write(ready[1], &byte, 1);
    [[maybe_unused]] auto got = ::read(go[0], &byte, 1);
    ::_exit(0);
  }
  ::close(go[0]);
  ::close(ready[1]);
  must(::read(ready[0], &byte, 1) == 1, "the child");
  ::close(ready[0]);
  pipe_ = go[1];
}

Child::~Child() { end(); }

void Child::end() {
  if (pid_ < 0) return;
  ::close(pipe_);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool is_immutable(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int flags = 0;
  EXPECT_EQ(::ioctl(fd, FS_IOC_GETFLAGS, &flags), 0) << directory;
  ::close(fd);
  return (flags & FS_IMMUTABLE_FL) != 0;
}

bool is_mounted(const std::string& target) {
  const auto table = mount::read_mount_table();
  EXPECT_TRUE(table);
  for (const auto& entry : table.value()) {
    if (entry.target == target) return true;
  }
  return false;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  EXPECT_EQ(read_whole(path), text);
}

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace mooring::test
