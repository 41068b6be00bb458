#include "mount/mount_options.h"

#include <gtest/gtest.h>

namespace mooring::mount {
namespace {

TEST(MountOptions, nodev_and_nosuid_come_first_and_once) {  // rule 16
  EXPECT_EQ(mount_options("btrfs", {}, false).value(), "nodev,nosuid");
  EXPECT_EQ(mount_options("btrfs", {"nosuid", "noatime"}, false).value(), "nodev,nosuid,noatime");
  EXPECT_EQ(mount_options("xfs", {}, true).value(), "nodev,nosuid,ro");
  EXPECT_EQ(mount_options("vfat", {"noexec"}, false).value(), "nodev,nosuid,noexec");
}

TEST(MountOptions, what_an_error_of_an_ext_does_is_not_for_its_superblock_to_say) {
  EXPECT_EQ(mount_options("ext4", {}, false).value(), "nodev,nosuid,errors=remount-ro");
  EXPECT_EQ(mount_options("ext4", {"errors=remount-ro"}, true).value(), "nodev,nosuid,errors=remount-ro,ro");
}

TEST(MountOptions, each_file_system_has_its_own) {
  EXPECT_TRUE(mount_options("ext4", {"data=journal", "commit=30", "errors=remount-ro"}, false));
  EXPECT_TRUE(mount_options("xfs", {"largeio", "allocsize=64m"}, false));
  EXPECT_TRUE(mount_options("btrfs", {"compress=zstd:3", "ssd"}, false));
  EXPECT_FALSE(mount_options("ext4", {"compress=zstd"}, false));
  EXPECT_FALSE(mount_options("btrfs", {"data=journal"}, false));
  EXPECT_FALSE(mount_options("vfat", {"uid=0"}, false));
}

TEST(MountOptions, what_undoes_a_guard_is_refused) {
  for (const std::string option :
       {"dev", "suid", "nouuid", "noload", "norecovery", "errors=continue", "nobarrier", "barrier=0", "data=writeback",
        "bind", "remount", "subvol=x", "loop", "user", "x-systemd.automount", "defaults", "ro", "rw", ""}) {
    for (const auto* fs : {"ext4", "xfs", "btrfs"}) {
      const auto refused = mount_options(fs, {option}, false);
      ASSERT_FALSE(refused) << fs << " " << option;
      EXPECT_EQ(refused.error().code, Errc::invalid_option);
    }
  }
}

TEST(MountOptions, nothing_can_be_smuggled_in) {  // rule 16
  for (const std::string option : {"noatime,dev", "commit=1,suid", "noatime\ndev", "noatime\t", "commit=1 2",
                                   "commit=", "commit", "noatime=1", "commit=\\054suid"}) {
    EXPECT_FALSE(mount_options("ext4", {option}, false)) << option;
  }
  EXPECT_FALSE(mount_options("ext4", {std::string("noatime\0dev", 11)}, false));
}

TEST(MountOptions, the_error_lists_what_is_allowed) {
  const auto refused = mount_options("ext4", {"no\nsuch"}, false);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("'no?such'"), std::string::npos);
  EXPECT_NE(refused.error().message.find("noatime"), std::string::npos);
  EXPECT_NE(refused.error().message.find("data=ordered"), std::string::npos);
}

}  // namespace
}  // namespace mooring::mount
