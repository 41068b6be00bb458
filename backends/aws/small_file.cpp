#include "backends/aws/small_file.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/file_descriptor.h"

namespace mooring::backends::aws::blocking {
namespace {

Error cannot_read(const std::string& path, const std::string& why) {
  return {Errc::denied, path + " cannot be read: " + why, {}};
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t limit) {
  // Not to wait for somebody at the other end, should it be a pipe.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!file) return cannot_read(path, reason(errno));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return cannot_read(path, reason(errno));
  if (!S_ISREG(status.st_mode)) return cannot_read(path, "it is not a regular file");
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto count = read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(path, reason(errno));
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > limit) return cannot_read(path, "it is larger than " + std::to_string(limit) + " bytes");
  }
}

std::string home_directory() {
  std::array<char, 16384> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_dir;
}

}  // namespace mooring::backends::aws::blocking
