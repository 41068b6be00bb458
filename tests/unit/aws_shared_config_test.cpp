#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/shared_config.h"

namespace mooring::backends::aws {
namespace {

using testing::ElementsAre;
using testing::Pair;
using namespace std::string_literals;

Profiles config(std::string_view text) { return read_profiles(text, SharedFile::config); }
Profiles credentials(std::string_view text) { return read_profiles(text, SharedFile::credentials); }

TEST(SharedConfig, config_calls_its_profiles_by_that_word_and_credentials_does_not) {
  constexpr std::string_view kText = "[default]\na=1\n[profile x]\na=2\n[y]\na=3\n[sso-session z]\na=4\n";
  EXPECT_THAT(config(kText),
              ElementsAre(Pair("default", ElementsAre(Pair("a", "1"))), Pair("x", ElementsAre(Pair("a", "2")))));
  const auto of_credentials = credentials(kText);
  EXPECT_EQ(of_credentials.at("y").at("a"), "3");
  EXPECT_EQ(of_credentials.at("default").at("a"), "1");
}

TEST(SharedConfig, names_of_profiles_may_be_quoted_and_spaced) {
  EXPECT_THAT(config("[ profile \t \"two words\" ] # comment\na = 1\n[profile 'x']\nb=2\n"),
              ElementsAre(Pair("two words", ElementsAre(Pair("a", "1"))), Pair("x", ElementsAre(Pair("b", "2")))));
}

TEST(SharedConfig, profile_default_outdoes_default_wherever_it_stands) {
  EXPECT_THAT(config("[default]\na=1\nb=1\n[profile default]\na=2\n"),
              ElementsAre(Pair("default", ElementsAre(Pair("a", "2")))));
  EXPECT_THAT(config("[profile default]\na=2\n[default]\na=1\nb=1\n"),
              ElementsAre(Pair("default", ElementsAre(Pair("a", "2")))));
}

TEST(SharedConfig, comments_are_lines_or_follow_white_space) {
  EXPECT_THAT(
      credentials("# x\n; y\n[default] ; z\na = 1 # one\nb = 1#2;3\n  # indented\nc = ; nothing\n").at("default"),
      ElementsAre(Pair("a", "1"), Pair("b", "1#2;3"), Pair("c", "")));
}

TEST(SharedConfig, what_is_nested_below_a_property_is_left_out) {
  EXPECT_THAT(
      config("[default]\ns3 =\n  aws_access_key_id = NOT\n\n  other = 1\nregion = here\n   more of it\n").at("default"),
      ElementsAre(Pair("region", "here"), Pair("s3", "")));
}

TEST(SharedConfig, all_properties_may_be_indented_alike) {
  EXPECT_THAT(config("[default]\n\ta = 1\n\tb = 2\n").at("default"), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST(SharedConfig, reads_what_windows_editors_write) {
  EXPECT_THAT(credentials("\xEF\xBB\xBF[default]\r\na = 1\r\nb = 2\r\n").at("default"),
              ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST(SharedConfig, property_names_are_of_any_case_and_values_are_not) {
  EXPECT_THAT(credentials("[Default]\nAWS_Access_Key_ID: AbC\nurl = http://x:1/?a=b\n").at("Default"),
              ElementsAre(Pair("aws_access_key_id", "AbC"), Pair("url", "http://x:1/?a=b")));
}

TEST(SharedConfig, the_last_of_a_property_counts_and_sections_add_up) {
  EXPECT_THAT(credentials("[x]\na=1\na=2\nb=1\n[y]\n[x]\nb=3").at("x"), ElementsAre(Pair("a", "2"), Pair("b", "3")));
}

TEST(SharedConfig, survives_ugly_input) {
  for (const char* text : {"", "\n\n", "[", "]", "[]", "[profile]", "[profile ]", "[profile \"\"]", "=", "= x", "a=1\n",
                           "[profile x\na=1", "[default\n", "\xFF\xFE", "[x]garbage", "[[x]]"}) {
    const auto of_config = config(text);
    EXPECT_TRUE(of_config.empty()) << text;
    for (const auto& [name, properties] : credentials(text)) EXPECT_TRUE(properties.empty()) << text;
  }
  EXPECT_THAT(config("[default]\nno delimiter\na="s + '\0' + "b\n= 1\n").at("default"),
              ElementsAre(Pair("a", std::string("\0b", 2))));
}

TEST(SharedConfig, a_section_that_is_no_profile_ends_the_one_before_it) {
  EXPECT_THAT(config("[default]\na=1\n[services s]\na=2\n[broken\na=3\n").at("default"), ElementsAre(Pair("a", "1")));
}

TEST(SharedConfig, credentials_go_over_config) {
  const auto both = merged(config("[default]\na=1\nb=1\n"), credentials("[default]\na=2\n[z]\nc=3\n"));
  EXPECT_THAT(both.at("default"), ElementsAre(Pair("a", "2"), Pair("b", "1")));
  EXPECT_EQ(both.at("z").at("c"), "3");
}

TEST(SharedConfig, the_environment_says_where_and_which) {
  const auto usual = shared_paths({}, "/home/me");
  EXPECT_EQ(usual.config, "/home/me/.aws/config");
  EXPECT_EQ(usual.credentials, "/home/me/.aws/credentials");
  const auto set = shared_paths({{"AWS_CONFIG_FILE", "/c"}, {"AWS_SHARED_CREDENTIALS_FILE", "~/s"}}, "/home/me");
  EXPECT_EQ(set.config, "/c");
  EXPECT_EQ(set.credentials, "/home/me/s");
  EXPECT_EQ(shared_paths({}, "").config, "");
  EXPECT_EQ(profile_name({}), "default");
  EXPECT_EQ(profile_name({{"AWS_PROFILE", "x"}}), "x");
}

}  // namespace
}  // namespace mooring::backends::aws
