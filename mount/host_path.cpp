#include "mount/host_path.h"

#include <algorithm>
#include <iterator>
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

// Below these, who owns a directory makes it.
constexpr std::string_view kOfServicesAndUsers[] = {"/home",    "/root",     "/run",     "/var/lib",
                                                    "/var/log", "/var/mail", "/var/run", "/var/spool"};

bool belongs_to_the_system(std::string_view path) {
  return std::ranges::any_of(kWithAllBelow, [path](std::string_view directory) { return is_in(path, directory); });
}

}  // namespace

bool is_in(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

Result<void> may_be_made(const std::string& path) {
  const auto* const owned =
      std::ranges::find_if(kOfServicesAndUsers, [&path](std::string_view directory) { return is_in(path, directory); });
  if (owned == std::end(kOfServicesAndUsers)) return boost::outcome_v2::success();
  return Error{Errc::not_found,
               path + " does not exist, and nothing is made below " + std::string(*owned) +
                   "; make it yourself, or choose another directory, such as /data",
               0};
}

Result<std::string> allowed_instance_path(const std::string& path) {
  BOOST_OUTCOME_TRY(auto normal, normal_path(path));
  if (normal != "/" && !belongs_to_the_system(normal)) return normal;
  return Error{Errc::unsafe_path,
               normal + " belongs to the system; give as instance_path a directory of your own, such as /data", 0};
}

Result<std::string> allowed_host_path(const std::string& path) {
  BOOST_OUTCOME_TRY(auto normal, normal_path(path));
  const std::string_view view(normal);
  bool system = belongs_to_the_system(view);
  for (const auto directory : kThemselves) system = system || view == directory;
  if (system) {
    return Error{Errc::unsafe_path, normal + " is a system directory; choose one of your own, such as /data", 0};
  }
  return normal;
}

}  // namespace mooring::mount
