#include <gtest/gtest.h>

#include "mount/host_path.h"
#include "mount/mount_point.h"

namespace mooring::mount {
namespace {

TEST(Paths, are_made_normal) {
  EXPECT_EQ(normal_path("/a//b/").value(), "/a/b");
  EXPECT_EQ(normal_path("///").value(), "/");
}

TEST(Paths, that_leave_their_place_are_refused) {  // rule 15
  for (const std::string path : {"", "a", "./a", "/a/../b", "/a/.", "/a\nb", "/a/\x7f"}) {
    ASSERT_FALSE(normal_path(path)) << path;
    EXPECT_EQ(normal_path(path).error().code, Errc::unsafe_path);
  }
  EXPECT_FALSE(normal_path(std::string("/a\0b", 4)));
  EXPECT_FALSE(normal_path("/" + std::string(256, 'a')));
}

TEST(HostPath, of_the_system_are_refused) {  // rule 17
  for (const auto* path : {"/", "//", "/usr", "/usr/", "/usr/local/x", "/etc", "/etc/x", "/proc", "/sys/x", "/dev/shm",
                           "/boot", "/bin", "/lib64/x", "/var", "/var/lib", "/run", "/home", "/tmp", "/root"}) {
    EXPECT_FALSE(allowed_host_path(path)) << path;
  }
}

TEST(HostPath, of_ones_own_are_allowed) {
  for (const auto* path : {"/data", "/usrdata", "/var/lib/docker", "/home/me/data", "/mnt/x", "/libs", "/opt/x"}) {
    EXPECT_TRUE(allowed_host_path(path)) << path;
  }
}

TEST(InstancePath, is_made_where_nobody_believes_what_is_found) {
  for (const auto* path : {"/data", "/data/run", "/runner", "/srv/x", "/var/tmp/x", "/mnt/x"}) {
    EXPECT_TRUE(may_be_made(path)) << path;
  }
  for (const auto* path : {"/run/udev/rules.d", "/run/systemd/system/x.d", "/root/.ssh", "/home/me/.config",
                           "/var/lib/x", "/var/spool/cron/crontabs"}) {
    EXPECT_FALSE(may_be_made(path)) << path;
  }
}

}  // namespace
}  // namespace mooring::mount
