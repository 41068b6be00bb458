#include "agent/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <boost/json/parse.hpp>

#include "agent/log/journal.h"

namespace mooring::agent {
namespace {

std::string logged(const std::string& format, const std::string& message) {
  goal::Config config;
  config.log.format = format;
  const auto before = spdlog::default_logger();
  testing::internal::CaptureStderr();
  set_up_log(config);
  spdlog::info("process={}", message);
  spdlog::default_logger()->flush();
  spdlog::set_default_logger(before);
  return testing::internal::GetCapturedStderr();
}

const std::string kForged = "a\n12:00:00.000 info    task=x released\r\x1b[2J\xff\xc2\x9b";

TEST(Log, a_name_forges_no_line_and_controls_no_terminal) {
  const std::string text = logged("text", kForged);
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  EXPECT_EQ(text.find_first_of("\r\x1b\xff\xc2\x9b"), std::string::npos) << text;
  EXPECT_NE(text.find("process=a\\n12:00:00.000"), std::string::npos) << text;
}

TEST(Log, is_json_whatever_is_in_a_name) {
  const std::string text = logged("json", kForged + "\"}");
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  ASSERT_FALSE(error) << text;
  EXPECT_TRUE(value.at("message").as_string().starts_with("process=a\\n12:00:00.000")) << text;
}

TEST(Journal, has_fields_for_what_a_message_begins_with) {
  EXPECT_THAT(journal_fields("task=run-42 volume=data verdict=in_use held by task=x"),
              testing::ElementsAre("MOORING_TASK=run-42", "MOORING_VOLUME=data", "MOORING_VERDICT=in_use"));
  EXPECT_THAT(journal_fields("task=run-42"), testing::ElementsAre("MOORING_TASK=run-42"));
  EXPECT_THAT(journal_fields("moord is ready: task=no"), testing::IsEmpty());
  EXPECT_THAT(journal_fields("colour=red task=x"), testing::IsEmpty());
  EXPECT_THAT(journal_fields(""), testing::IsEmpty());
  EXPECT_THAT(journal_fields("task=a\nMESSAGE=forged state=ready"),
              testing::ElementsAre("MOORING_TASK=a\\nMESSAGE=forged", "MOORING_STATE=ready"));
}

}  // namespace
}  // namespace mooring::agent
