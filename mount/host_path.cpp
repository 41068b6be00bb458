#include "mount/host_path.h"

#include <string_view>

#include "mount/mount_point.h"

namespace mooring::mount {
namespace {

// hier(7), file-hierarchy(7). Nothing of ours belongs into the first; the second hold what the system needs, but a
// directory of one's own in them is usual (/var/lib/docker).
constexpr std::string_view kWithAllBelow[] = {"/bin",   "/boot",   "/dev",  "/efi",  "/etc", "/lib", "/lib32",
                                              "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr"};
constexpr std::string_view kThemselves[] = {"/",        "/home",    "/media",     "/mnt",     "/opt",       "/root",
                                            "/run",     "/srv",     "/tmp",       "/var",     "/var/cache", "/var/lib",
                                            "/var/log", "/var/run", "/var/spool", "/var/tmp", "/lost+found"};

}  // namespace

Result<std::string> allowed_host_path(const std::string& path) {
  BOOST_OUTCOME_TRY(auto normal, normal_path(path));
  const std::string_view view(normal);
  bool system = false;
  for (const auto directory : kThemselves) system = system || view == directory;
  for (const auto directory : kWithAllBelow) {
    const bool below =
        view.starts_with(directory) && (view.size() == directory.size() || view[directory.size()] == '/');
    system = system || below;
  }
  if (system) {
    return Error{Errc::unsafe_path, normal + " is a system directory; choose one of your own, such as /data", 0};
  }
  return normal;
}

}  // namespace mooring::mount
