#include "trust/trusted_path.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mooring::trust {

using posix::FileDescriptor;

namespace {

constexpr int kMostLinks = 40;  // as the kernel (path_resolution(7))

Error failure(const std::string& what, int error_number) {
  return {error_number, what + ": " + std::generic_category().message(error_number), false};
}

Error refusal(const std::string& what) { return {EPERM, what, true}; }

/// Where on a path something is. Others may make names in a sticky directory: that does not matter on the way, where
/// the next name is looked at as well.
enum class Place { on_the_way, last };

/// Others can change the content of it, or put something else in its place?
Result<void> look_at(const struct stat& status, const std::string& path, Place place) {
  const bool own = ::geteuid() != 0 && status.st_uid == ::geteuid();
  if (status.st_uid != 0 && !own)
    return refusal(path + " can be changed by others: it belongs to uid " + std::to_string(status.st_uid) +
                   "; if its content can be trusted, run: chown root " + path);
  if (S_ISLNK(status.st_mode)) return boost::outcome_v2::success();  // its mode means nothing (symlink(7))
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return refusal(path + " is not a regular file");
  const bool sticky = place == Place::on_the_way && S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if (sticky || (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return boost::outcome_v2::success();
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(status.st_mode & 07777U));
  return refusal(path + " can be changed by others: its mode is " + mode.data() +
                 "; if its content can be trusted, run: chmod go-w " + path);
}

/// Goes a path name by name, each opened once and looked at.
class Walk {
 public:
  Walk(const std::string& path, int flags) : path_(path), flags_(flags) {}

  Result<FileDescriptor> run(std::optional<mode_t> make) {
    BOOST_OUTCOME_TRYV(begin());
    while (!next_name().empty()) {
      BOOST_OUTCOME_TRYV(step(make));
    }
    return std::move(here_);
  }

 private:
  Result<void> begin() {
    rest_ = path_;
    if (rest_.starts_with('/')) return to_root();
    std::array<char, PATH_MAX> directory{};
    if (::getcwd(directory.data(), directory.size()) == nullptr) return failure("cannot tell the directory", errno);
    rest_ = std::string(directory.data()) + "/" + rest_;
    return to_root();
  }

  Result<void> to_root() {
    here_ = FileDescriptor(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    where_.clear();
    if (!here_) return failure("cannot open /", errno);
    struct stat status {};
    if (::fstat(here_.get(), &status) != 0) return failure("cannot look at /", errno);
    return look_at(status, "/", Place::on_the_way);
  }

  /// The next name of the way, or empty at its end.
  std::string_view next_name() {
    for (;;) {
      while (rest_.starts_with('/')) rest_.erase(0, 1);
      const auto name = std::string_view(rest_).substr(0, rest_.find('/'));
      if (name != ".") return name;
      rest_.erase(0, 1);
    }
  }

  Result<void> step(std::optional<mode_t> make) {
    const std::string name(next_name());
    rest_.erase(0, name.size());
    const bool last = rest_.find_first_not_of('/') == std::string::npos;
    const std::string path = where_ + "/" + name;
    if (make && ::mkdirat(here_.get(), name.c_str(), last ? *make : 0755) != 0 && errno != EEXIST && errno != EROFS)
      return failure("cannot make the directory " + path, errno);
    FileDescriptor next(::openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return failure("cannot open " + path, errno);
    struct stat status {};
    if (::fstat(next.get(), &status) != 0) return failure("cannot look at " + path, errno);
    BOOST_OUTCOME_TRYV(look_at(status, path, last ? Place::last : Place::on_the_way));
    if (S_ISLNK(status.st_mode)) return follow(next, path, last);
    if ((!last || make) && !S_ISDIR(status.st_mode)) return failure("cannot open " + path, ENOTDIR);
    here_ = std::move(next);
    where_ = path;
    return boost::outcome_v2::success();
  }

  Result<void> follow(const FileDescriptor& link, const std::string& path, bool last) {
    if (++links_ > kMostLinks || (last && (flags_ & O_NOFOLLOW) != 0)) return failure("cannot open " + path, ELOOP);
    std::array<char, PATH_MAX> target{};
    const auto length = ::readlinkat(link.get(), "", target.data(), target.size() - 1);
    if (length <= 0) return failure("cannot read the link " + path, errno);
    rest_ = std::string(target.data(), static_cast<std::size_t>(length)) + "/" + rest_;
    if (rest_.starts_with('/')) return to_root();
    return boost::outcome_v2::success();
  }

  std::string path_;
  int flags_;
  std::string rest_;   // still to go
  std::string where_;  // gone so far, for messages
  FileDescriptor here_;
  int links_ = 0;
};

}  // namespace

Result<FileDescriptor> open_trusted(const std::string& path, int flags) {
  BOOST_OUTCOME_TRY(const auto found, Walk(path, flags).run(std::nullopt));
  // The very file that was looked at (proc(5), /proc/pid/fd); itself a link, but one of the kernel.
  const auto way = "/proc/self/fd/" + std::to_string(found.get());
  FileDescriptor opened(::open(way.c_str(), (flags & ~O_NOFOLLOW) | O_CLOEXEC | O_NONBLOCK));
  if (!opened) return failure("cannot open " + path, errno);
  return opened;
}

int read_all(const FileDescriptor& file, std::size_t limit, std::string& text) {
  constexpr std::size_t kPiece = 16UL * 1024;
  std::array<char, kPiece> piece{};
  while (text.size() < limit) {
    const auto count = ::read(file.get(), piece.data(), std::min(piece.size(), limit - text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return 0;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  return 0;
}

Result<FileDescriptor> make_trusted_directory(const std::string& path, mode_t mode) {
  return Walk(path, O_DIRECTORY).run(mode);
}

}  // namespace mooring::trust
