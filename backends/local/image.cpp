#include "backends/local/image.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/local/failed.h"
#include "failpoint/failpoint.h"
#include "trust/trusted_path.h"

namespace mooring::backends::local {
namespace {

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Written beside and renamed, so that nobody ever reads half of it. Who writes it has the image's lock: one name will
// do, and what a killed run left of it is found again.
std::string beside(const std::string& path) { return path + ".new"; }

/// A file without a name goes by itself when its maker is killed (rule 18); not every file system has such.
int open_nameless(const std::string& folder) { return open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); }

int link_nameless(int file, const std::string& name) {
  const auto way = "/proc/self/fd/" + std::to_string(file);
  return linkat(AT_FDCWD, way.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
}

}  // namespace

Result<Image> open_image(const ImagePath& path, bool for_writing) {
  const std::string name = path.image();
  Image image;
  image.file = posix::FileDescriptor(
      open(name.c_str(), (for_writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!image.file && errno == ENOENT)
    return Error{Errc::not_found,
                 "there is no image " + name + "; check the name, or define the volume with a size, and it is made",
                 {}};
  if (!image.file) return failed("cannot open " + name, errno);
  struct stat status {};
  if (fstat(image.file.get(), &status) != 0) return failed("cannot stat " + name, errno);
  if (!S_ISREG(status.st_mode))
    return Error{
        Errc::attach_failed, name + " is not a regular file; put an image there, or take another volume_id", {}};
  image.id = {status.st_dev, status.st_ino};
  image.size = static_cast<std::uint64_t>(status.st_size);
  return image;
}

Result<void> create_image(const ImagePath& path, std::uint64_t size) {
  const auto folder = trust::make_trusted_directory(path.folder(), 0755);
  if (!folder) return Error{Errc::attach_failed, "no image is made: " + folder.error().message, {}};
  std::string fresh = path.folder() + "/." + path.name + ".XXXXXX";
  const int nameless = open_nameless(path.folder());
  const bool named = nameless < 0;
  const posix::FileDescriptor file(named ? mkostemp(fresh.data(), O_CLOEXEC) : nameless);  // mode 0600
  if (!file) return failed("cannot make " + fresh, errno);
  MOORING_FAILPOINT("local.temporary_image_made");
  int result = ftruncate(file.get(), static_cast<off_t>(size)) == 0 ? 0 : errno;
  if (result == 0 && fsync(file.get()) != 0) result = errno;
  // A hard link never replaces: whoever comes second finds the image that the first one made.
  if (result == 0) {
    const std::string image = path.image();
    const int linked = named ? link(fresh.c_str(), image.c_str()) : link_nameless(file.get(), image);
    if (linked != 0 && errno != EEXIST) result = errno;
  }
  MOORING_FAILPOINT("local.image_made");
  if (named) unlink(fresh.c_str());
  if (result != 0) return failed("cannot make " + path.image(), result);
  return boost::outcome_v2::success();
}

Result<void> refuse_if_others_can_change(const Image& image, const ImagePath& path) {
  const auto trusted = trust::open_trusted(path.image(), O_RDONLY | O_NOFOLLOW);
  if (!trusted) return Error{Errc::attach_failed, "not attached: " + trusted.error().message, {}};
  struct stat status {};
  if (fstat(trusted.value().get(), &status) != 0) return failed("cannot stat " + path.image(), errno);
  if (status.st_dev == image.id.device && status.st_ino == image.id.inode) return boost::outcome_v2::success();
  return Error{Errc::attach_failed, path.image() + " was replaced by another file meanwhile; try again", {}};
}

bool lock_image(const Image& image) {
  auto lock = whole_file();
  return fcntl(image.file.get(), F_OFD_SETLK, &lock) == 0;
}

bool is_locked(const Image& image) {
  auto lock = whole_file();
  return fcntl(image.file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::string read_holder(const ImagePath& path) {
  std::ifstream file(path.holder());
  std::string holder;
  std::getline(file, holder);
  return holder;
}

Result<void> write_holder(const ImagePath& path, const std::string& holder) {
  const std::string fresh = beside(path.holder());
  unlink(fresh.c_str());  // of a run that was killed
  const posix::FileDescriptor file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  const std::string text = holder + "\n";
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return failed("cannot write " + fresh, errno);
  MOORING_FAILPOINT("local.holder_beside_written");
  if (std::rename(fresh.c_str(), path.holder().c_str()) != 0) return failed("cannot write " + path.holder(), errno);
  MOORING_FAILPOINT("local.holder_written");
  return boost::outcome_v2::success();
}

void remove_holder(const ImagePath& path) {
  unlink(beside(path.holder()).c_str());
  unlink(path.holder().c_str());
  MOORING_FAILPOINT("local.holder_removed");
}

}  // namespace mooring::backends::local
