#include "backends/aws/small_file.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trust/trusted_path.h"

namespace mooring::backends::aws::blocking {
namespace {

Error cannot_read(const std::string& path, const std::string& why) {
  return {Errc::denied, path + " cannot be read: " + why, {}};
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t limit, Unreadable unreadable) {
  const auto no = [&](const std::string& why) -> Result<std::optional<std::string>> {
    if (unreadable == Unreadable::is_absent) return std::nullopt;
    return cannot_read(path, why);
  };
  const auto file = trust::open_trusted(path, O_RDONLY);
  if (!file) {
    const auto& error = file.error();
    if (error.error_number == ENOENT || error.error_number == ENOTDIR) return std::nullopt;
    if (error.refused) return cannot_read(path, error.message);
    return no(reason(error.error_number));
  }
  struct stat status {};
  if (fstat(file.value().get(), &status) != 0) return no(reason(errno));
  if (!S_ISREG(status.st_mode)) return no("it is not a regular file");
  std::string text;
  if (const int error = trust::read_all(file.value(), limit + 1, text); error != 0) return no(reason(error));
  if (text.size() > limit) return no("it is larger than " + std::to_string(limit) + " bytes");
  return text;
}

std::string home_directory() {
  std::array<char, 16384> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_dir;
}

}  // namespace mooring::backends::aws::blocking
