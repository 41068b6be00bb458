// An image file as a volume: made, locked, and told who has it. All calls block for a few system calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/error.h"
#include "backends/volume.h"
#include "posix/file_descriptor.h"

namespace mooring::backends::local {

/// <directory>/<region>/<name>.img
struct ImagePath {
  std::string directory;
  std::string region;
  std::string name;
  [[nodiscard]] std::string folder() const { return directory + "/" + region; }
  [[nodiscard]] std::string image() const { return folder() + "/" + name + ".img"; }
  [[nodiscard]] std::string holder() const { return folder() + "/." + name + ".holder"; }
};

struct Image {
  posix::FileDescriptor file;
  Look::File id;
  std::uint64_t size = 0;
};

/// Errors: not_found, attach_failed (not a regular file, or an error of the system).
Result<Image> open_image(const ImagePath& path, bool for_writing);

/// Makes a sparse image, complete or not at all; one that is there already is left as it is.
Result<void> create_image(const ImagePath& path, std::uint64_t size);

/// A user who can write to the image could change a mounted file system under the kernel; one who can write to a
/// directory above it could put another in its place. Errors: attach_failed, saying so.
Result<void> refuse_if_others_can_change(const Image& image, const ImagePath& path);

/// Takes the lock that makes the image exclusive across all processes of the machine: an open-file-description lock
/// (fcntl(2), F_OFD_SETLK). The loop device that gets this descriptor keeps it, so it lasts exactly as long as the
/// attachment, whatever becomes of the process. False: somebody else has it. Needs an image opened for writing.
bool lock_image(const Image& image);
bool is_locked(const Image& image);

/// Who has the image, by its own account; only worth asking while it is locked.
std::string read_holder(const ImagePath& path);
Result<void> write_holder(const ImagePath& path, const std::string& holder);
void remove_holder(const ImagePath& path);

}  // namespace mooring::backends::local
