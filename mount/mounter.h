// mount(2) and umount2(2), on directories that are already open: no path is walked again. Internal.
#pragma once

#include <string>

#include "mount/error.h"
#include "mount/mount_point.h"

namespace mooring::mount {

/// Mounts with libmount on the open directory; never retries read-only (rule 12). Success does not yet say what is
/// mounted there, nor does an error say that nothing is (rule 13). `target` is for messages. Errors: mount_failed with
/// libmount's and the kernel's words; check_failed (EUCLEAN: it is damaged).
Result<void> mount_on(int directory, const std::string& source, const std::string& fs, const std::string& options,
                      const std::string& target);

/// Binds the open directory `source` on the open directory `directory`.
Result<void> bind_on(int directory, int source, const std::string& target);

/// Sets nodev, nosuid (rule 16), and read-only or not as asked for, of the mount whose root is open; clears no other
/// flag. What the file system itself does not allow, this does not either.
Result<void> restrict_mount(int mounted, bool read_only, const std::string& target);

/// Unmounts what is mounted on that place, without force and without following a link there. `lazy`: detaches it at
/// once, whoever uses it. Errors: busy, not_found (nothing mounted), system.
Result<void> unmount(const Place& place, bool lazy);

}  // namespace mooring::mount
