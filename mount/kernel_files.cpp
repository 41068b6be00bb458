#include "mount/kernel_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>

#include <fcntl.h>
#include <unistd.h>

#include "mount/handles.h"

namespace mooring::mount {

std::optional<std::string> read_file(const std::string& path, std::size_t limit) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string content;
  std::array<char, 4096> buffer;
  while (content.size() < limit) {
    const ssize_t got = ::read(file.get(), buffer.data(), std::min(buffer.size(), limit - content.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    content.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return content;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank{" \t\r\n\0", 5};
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::string> read_attribute(const std::string& path) {
  const auto content = read_file(path);
  if (!content) return std::nullopt;
  return std::string(trimmed(*content));
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const Directory listing(::opendir(directory.c_str()));
  const auto failed = [&]() -> Result<std::vector<std::string>> {
    if (errno == ENOENT || errno == ESRCH) return std::vector<std::string>();
    return system_error("cannot list " + directory, errno);
  };
  if (!listing) return failed();
  for (;;) {
    errno = 0;  // readdir(3): the end and an error differ in errno alone
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr && errno != 0) return failed();
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return length < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(length));
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string sysfs_directory(std::uint32_t major, std::uint32_t minor) {
  return "/sys/dev/block/" + std::to_string(major) + ":" + std::to_string(minor);
}

std::string kernel_name(std::uint32_t major, std::uint32_t minor) {
  const auto target = link_target(sysfs_directory(major, minor));
  return target.substr(target.rfind('/') + 1);
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_device_number(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto major = number(text.substr(0, colon));
  const auto minor = number(text.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  return std::pair(*major, *minor);
}

}  // namespace mooring::mount
