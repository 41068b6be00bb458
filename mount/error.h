// What can go wrong on this machine, as values.
#pragma once

#include <string>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

namespace mooring::mount {

enum class Errc {
  not_found,         // no such disk, file or mount
  wrong_disk,        // the device is not the one that was meant (rule 7)
  unreadable,        // the device answers with I/O errors
  unsafe_content,    // ambiguous or unknown data; or what was proven blank is not any more (rules 1 to 5)
  foreign_content,   // a signature that is no file system: LVM, RAID, LUKS, swap, … (rule 3)
  wrong_filesystem,  // another file system than the one asked for (rule 6)
  check_failed,      // fsck says that the file system needs a person (rule 12)
  format_failed,     // mkfs did not succeed
  mount_failed,      // mount(2) did not succeed
  busy,              // somebody still uses it (rule 10)
  occupied,          // something else is mounted there, or the directory is not empty (rules 14, 17)
  unsafe_path,       // a symbolic link, `..`, or a system directory on the way (rules 15, 17)
  invalid_option,    // a mount option that is not allowed (rule 16)
  cancelled,         // stopped on request
  system,            // another system call failed
};

/// `message` is a whole sentence fragment for a person: it names the thing and, where one can tell, what to do.
struct Error {
  Errc code = Errc::system;
  std::string message;
  int system_error = 0;  // errno, where a system call was the cause
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

/// `what`, with the text of `error_number` behind a colon.
Error system_error(std::string what, int error_number, Errc code = Errc::system);

}  // namespace mooring::mount
