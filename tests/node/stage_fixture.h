// A mount root in a scratch directory, and the words the stage tests are written in.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "loop_disk.h"
#include "mount/host.h"

namespace mooring::test {

template <class T>
::testing::AssertionResult succeeds(const mount::Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "error " << static_cast<int>(result.error().code) << ": "
                                       << result.error().message;
}

template <class T>
::testing::AssertionResult fails_with(const mount::Result<T>& result, mount::Errc code, const std::string& words = "") {
  if (result) return ::testing::AssertionFailure() << "it succeeded";
  if (result.error().code != code || result.error().message.find(words) == std::string::npos) {
    return ::testing::AssertionFailure() << "error " << static_cast<int>(result.error().code) << ": "
                                         << result.error().message;
  }
  return ::testing::AssertionSuccess() << result.error().message;
}

inline std::uint64_t smallest_disk(const std::string& fs) {
  return (fs == "xfs" ? 320 : fs == "btrfs" ? 160 : 16) * kMiB;
}

class StageFixture : public ::testing::Test {
 protected:
  ScratchDirectory scratch_;
  std::string root_ = scratch_.path() / "mnt";

  [[nodiscard]] std::string stage_path(const std::string& name = "vol") const { return root_ + "/" + name; }

  static mount::FileSystem format(const LoopDisk& disk, const std::string& fs) {
    auto made = mount::blocking::format(disk.look(), disk.device(), fs, {});
    EXPECT_TRUE(succeeds(made));
    return made ? made.value() : mount::FileSystem{};
  }

  [[nodiscard]] mount::StageRequest request(const LoopDisk& disk, const mount::FileSystem& fs,
                                            const std::string& name = "vol") const {
    return {.root = root_, .name = name, .look = disk.look(), .device = disk.device(), .filesystem = fs, .options = {}};
  }

  mount::Result<mount::MountEntry> stage(const LoopDisk& disk, const mount::FileSystem& fs,
                                         const std::string& name = "vol") const {
    return mount::blocking::stage(request(disk, fs, name));
  }

  mount::Result<void> unstage(const LoopDisk& disk, bool force = false, const std::string& name = "vol") const {
    return mount::blocking::unstage(root_, name, disk.device(), force);
  }
};

}  // namespace mooring::test
