// Real disks for tests: image files on loop devices, in a scratch directory, gone when the test ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mount/host.h"

namespace mooring::test {

inline constexpr std::uint64_t kMiB = 1024 * 1024;

/// A directory of its own below $TMPDIR. Goes with everything in it, immutable mount points included.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct LoopSettings {
  bool read_only = false;
  std::function<void(int image)> prepare;  // fills the image before it is attached
  std::filesystem::path copy_of;           // starts as a copy of another image
};

/// A sparse image file on a loop device, detached by the kernel too should the test be killed.
class LoopDisk {
 public:
  LoopDisk(const std::filesystem::path& directory, std::uint64_t size, const LoopSettings& settings = {});
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }  // /dev/loop7
  [[nodiscard]] const std::filesystem::path& image() const { return image_; }
  [[nodiscard]] mount::DiskLook look() const;
  [[nodiscard]] mount::Device device() const;

  void write(std::uint64_t offset, const std::string& bytes) const;
  void erase(std::uint64_t offset, std::uint64_t length) const { write(offset, std::string(length, '\0')); }
  void grow(std::uint64_t size) const;
  void detach();

  /// Of all bytes that are not zero and of where they are; as the image file has them.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  std::filesystem::path image_;
  std::string path_;
  int fd_ = -1;
};

/// Runs a program that has to succeed.
std::string run(const std::vector<std::string>& argv);

/// A child process that does `prepare`, then waits until it is told to end. The constructor returns once it is
/// prepared.
class Child {
 public:
  explicit Child(const std::function<void()>& prepare);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  void end();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

/// FS_IMMUTABLE_FL of a directory.
bool is_immutable(const std::filesystem::path& directory);

/// In this mount namespace.
bool is_mounted(const std::string& target);

void write_file(const std::filesystem::path& path, const std::string& text);
std::string read_whole(const std::filesystem::path& path);

}  // namespace mooring::test
