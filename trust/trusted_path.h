// Files that decide what root does: nobody but root, or the user this process runs as, may have had a hand in them. As
// sshd's StrictModes (sshd_config(5)) and systemd's CHASE_SAFE, but on what was opened, never on a path a second time.
//
// What is trusted: every directory, link and file on the way belongs to root or to the user this process runs as, and
// neither group nor others can write to it. A directory on the way that has the sticky bit (/tmp) may be open to all:
// what stands in it can be renamed or removed by its owner alone, and that one is looked at as well. Not the last one:
// others could make there what is looked for in it later. An access control list shows in the mode as rights of the
// group (acl(5)). What is neither a file nor a directory is refused. All calls block for a few system calls a
// directory.
#pragma once

#include <cstddef>
#include <string>

#include <sys/types.h>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

#include "posix/file_descriptor.h"

namespace mooring::trust {

struct Error {
  int error_number = 0;
  std::string message;   // names the thing and, where others can change it, the command that mends it
  bool refused = false;  // others can change it
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

/// Opens what `path` leads to, with the `flags` of open(2) (no O_CREAT; O_CLOEXEC and O_NONBLOCK are added). Symbolic
/// links are followed as far as they are trusted themselves; with O_NOFOLLOW, not the last one.
Result<posix::FileDescriptor> open_trusted(const std::string& path, int flags);

/// Reads on to the end, or until `limit` bytes are read. 0, or errno.
int read_all(const posix::FileDescriptor& file, std::size_t limit, std::string& text);

/// The directory, made with `mode` where it is not there, as are those above it (0755). Opened O_PATH.
Result<posix::FileDescriptor> make_trusted_directory(const std::string& path, mode_t mode);

}  // namespace mooring::trust
