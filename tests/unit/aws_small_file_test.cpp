#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "backends/aws/small_file.h"

namespace mooring::backends::aws::blocking {
namespace {

class SmallFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "small-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    home_ = pattern;
    std::ofstream(home_ + "/token") << "secret";
    ::chmod((home_ + "/token").c_str(), 0600);
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::string home_;
};

TEST_F(SmallFile, is_read_or_said_to_be_absent_or_too_large) {
  EXPECT_EQ(read_small_file(home_ + "/token", 6).value(), "secret");
  EXPECT_EQ(read_small_file(home_ + "/nothing", 6).value(), std::nullopt);
  EXPECT_THAT(read_small_file(home_ + "/token", 5).error().message, testing::HasSubstr("larger than 5 bytes"));
  EXPECT_EQ(read_small_file(home_ + "/token", 5, Unreadable::is_absent).value(), std::nullopt);
}

TEST_F(SmallFile, that_others_can_change_is_an_error_even_if_nobody_named_it) {
  ::chmod((home_ + "/token").c_str(), 0622);
  for (const auto unreadable : {Unreadable::is_error, Unreadable::is_absent}) {
    const auto read = read_small_file(home_ + "/token", 6, unreadable);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::denied);
    EXPECT_THAT(read.error().message, testing::HasSubstr("chmod go-w " + home_ + "/token"));
  }
}

}  // namespace
}  // namespace mooring::backends::aws::blocking
