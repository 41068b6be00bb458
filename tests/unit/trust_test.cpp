#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trust/trusted_path.h"

namespace mooring::trust {
namespace {

using testing::HasSubstr;

class TrustedPath : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "trust-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    home_ = pattern;
    std::filesystem::create_directories(home_ + "/a/b");
    ::chmod((home_ + "/a").c_str(), 0755);
    ::chmod((home_ + "/a/b").c_str(), 0755);
    std::ofstream(file()) << "content";
    ::chmod(file().c_str(), 0644);
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  [[nodiscard]] std::string file() const { return home_ + "/a/b/file"; }
  static std::string refusal(const std::string& path, int flags = O_RDONLY) {
    const auto opened = open_trusted(path, flags);
    return opened ? "none" : opened.error().refused ? opened.error().message : "another error";
  }

  std::string home_;
};

TEST_F(TrustedPath, is_opened_and_read) {
  const auto opened = open_trusted(file(), O_RDONLY);
  ASSERT_TRUE(opened);
  std::string text;
  EXPECT_EQ(read_all(opened.value(), 100, text), 0);
  EXPECT_EQ(text, "content");
  text.clear();
  EXPECT_EQ(read_all(opened.value(), 100, text), 0);
  EXPECT_EQ(text, "");
}

TEST_F(TrustedPath, a_file_open_to_group_or_others_is_refused_and_it_is_said_what_to_do) {
  for (const mode_t mode : {0666, 0664, 0646, 01666}) {
    ::chmod(file().c_str(), mode);
    EXPECT_THAT(refusal(file()), HasSubstr("can be changed by others")) << mode;
    EXPECT_THAT(refusal(file()), HasSubstr("chmod go-w " + file())) << mode;
  }
}

TEST_F(TrustedPath, so_is_each_directory_above_it) {
  ::chmod((home_ + "/a").c_str(), 0777);
  EXPECT_THAT(refusal(file()), HasSubstr("chmod go-w " + home_ + "/a"));
  EXPECT_THAT(refusal(home_ + "/a/./b/../b//file"), HasSubstr("chmod go-w " + home_ + "/a"));
  ::chmod((home_ + "/a").c_str(), 01777);  // as /tmp
  EXPECT_EQ(refusal(file()), "none");
}

TEST_F(TrustedPath, others_may_make_nothing_in_a_directory_that_is_asked_for_itself) {
  ::chmod((home_ + "/a/b").c_str(), 01777);
  EXPECT_EQ(refusal(file()), "none");
  EXPECT_THAT(refusal(home_ + "/a/b", O_PATH | O_DIRECTORY), HasSubstr("chmod go-w " + home_ + "/a/b"));
  EXPECT_TRUE(make_trusted_directory(home_ + "/a/b", 0700).error().refused);
}

TEST_F(TrustedPath, what_is_neither_a_file_nor_a_directory_is_refused) {
  ASSERT_EQ(::mkfifo((home_ + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(home_ + "/pipe"), HasSubstr("is not a regular file"));
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("is not a regular file"));
}

TEST_F(TrustedPath, of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(file().c_str(), 65534, 0), 0);
  EXPECT_THAT(refusal(file()), HasSubstr("belongs to uid 65534"));
  EXPECT_THAT(refusal(file()), HasSubstr("chown root"));
}

TEST_F(TrustedPath, links_are_followed_as_far_as_they_are_trusted) {
  std::filesystem::create_symlink("a/b/file", home_ + "/near");
  std::filesystem::create_symlink(home_ + "/near", home_ + "/far");
  EXPECT_EQ(refusal(home_ + "/far"), "none");
  const auto last = open_trusted(home_ + "/far", O_RDONLY | O_NOFOLLOW);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().error_number, ELOOP);
  // What a link leads through counts, not only what it is called.
  ::chmod((home_ + "/a/b").c_str(), 0777);
  EXPECT_THAT(refusal(home_ + "/far"), HasSubstr("chmod go-w " + home_ + "/a/b"));
  ::chmod((home_ + "/a/b").c_str(), 0755);
  if (::geteuid() != 0) return;
  ASSERT_EQ(::lchown((home_ + "/near").c_str(), 65534, 0), 0);
  EXPECT_THAT(refusal(home_ + "/far"), HasSubstr("/near can be changed by others"));
}

TEST_F(TrustedPath, a_circle_of_links_ends) {
  std::filesystem::create_symlink("two", home_ + "/one");
  std::filesystem::create_symlink("one", home_ + "/two");
  const auto opened = open_trusted(home_ + "/one", O_RDONLY);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error_number, ELOOP);
}

TEST_F(TrustedPath, a_missing_one_is_said_to_be_missing) {
  const auto opened = open_trusted(home_ + "/a/nothing/file", O_RDONLY);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error_number, ENOENT);
  EXPECT_FALSE(opened.error().refused);
  EXPECT_EQ(open_trusted(file() + "/more", O_RDONLY).error().error_number, ENOTDIR);
}

TEST_F(TrustedPath, a_directory_is_made_with_those_above_it) {
  ASSERT_TRUE(make_trusted_directory(home_ + "/x/y", 0700));
  ASSERT_TRUE(make_trusted_directory(home_ + "/x/y", 0700));
  struct stat status {};
  ASSERT_EQ(::stat((home_ + "/x/y").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  EXPECT_EQ(make_trusted_directory(file(), 0700).error().error_number, ENOTDIR);
}

TEST_F(TrustedPath, nothing_is_made_below_a_directory_of_others) {
  ::chmod((home_ + "/a").c_str(), 0777);
  EXPECT_TRUE(make_trusted_directory(home_ + "/a/x/y", 0700).error().refused);
  EXPECT_FALSE(std::filesystem::exists(home_ + "/a/x"));
}

}  // namespace
}  // namespace mooring::trust
