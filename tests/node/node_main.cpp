// Tests on the machine itself, as root: in a mount namespace of their own, so that nothing they mount is seen outside.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace {

/// Loop devices whose image was in a scratch directory of this process.
class NothingLeft : public ::testing::Environment {
 public:
  void TearDown() override {
    for (const auto& device : std::filesystem::directory_iterator("/sys/block")) {
      std::ifstream file(device.path() / "loop/backing_file");
      std::string image;
      std::getline(file, image);
      const std::string ours = "/mooring-node-" + std::to_string(::getpid()) + "-";
      EXPECT_EQ(image.find(ours), std::string::npos) << device.path().filename() << " is left over: " << image;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (::geteuid() != 0) {
    std::fputs("node tests need root\n", stderr);
    return 1;
  }
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::perror("cannot make a mount namespace");
    return 1;
  }
  ::testing::AddGlobalTestEnvironment(new NothingLeft);
  return RUN_ALL_TESTS();
}
