#include "agent/decide/instance.h"

#include <gtest/gtest.h>

#include "agent/goal/config.h"
#include "backends/identify.h"

namespace mooring::agent::decide {
namespace {

backends::Identity aws(const std::string& id) {
  backends::Identity identity;
  identity.provider = "aws";
  identity.region = "us-east-1";
  identity.instance_id = id;
  return identity;
}

FormerInstance former() { return {"i-1", "boot-1", aws("i-1")}; }

TEST(Providers, every_one_that_is_known_can_be_configured) {
  for (const std::string& provider : backends::known_providers()) {
    goal::Diagnostics diagnostics("moord.yaml");
    const auto documents = goal::parse("identity: {provider: " + provider + "}\n", goal::Format::yaml, diagnostics);
    EXPECT_EQ(goal::read_config(documents, diagnostics).identity.provider, provider);
    EXPECT_TRUE(diagnostics.ok()) << provider;
  }
}

TEST(Remembered, what_was_found_out_in_this_boot_holds) { EXPECT_EQ(remembered(former(), "boot-1", ""), aws("i-1")); }

TEST(Remembered, another_boot_may_be_another_instance) {
  EXPECT_FALSE(remembered(former(), "boot-2", ""));
  EXPECT_FALSE(remembered({"i-1", "", aws("i-1")}, "", ""));  // no boot id can be read
}

TEST(Remembered, not_what_something_else_speaks_against) {
  EXPECT_FALSE(remembered(former(), "boot-1", "gcp"));
  EXPECT_TRUE(remembered(former(), "boot-1", "aws"));
}

TEST(Remembered, not_that_there_was_no_cloud) {
  auto nowhere = former();
  nowhere.identity.provider = "local";
  EXPECT_FALSE(remembered(nowhere, "boot-1", ""));
  EXPECT_FALSE(remembered({"i-1", "boot-1", {}}, "boot-1", ""));
}

TEST(Whose, an_instance_keeps_its_id_over_boots) {
  EXPECT_EQ(whose(former(), aws("i-1"), "boot-2", false), Belongs::here);
  EXPECT_EQ(whose({}, aws("i-1"), "boot-2", false), Belongs::here);
}

TEST(Whose, another_id_in_another_boot_is_another_instance) {
  EXPECT_EQ(whose(former(), aws("i-2"), "boot-2", false), Belongs::to_another_instance);
}

TEST(Whose, but_not_where_a_person_or_a_host_name_says_so) {
  EXPECT_EQ(whose(former(), aws("i-2"), "boot-2", true), Belongs::to_another_id);
  EXPECT_EQ(whose(former(), aws("i-2"), "boot-1", false), Belongs::to_another_id);
  auto renamed = aws("host-2");
  renamed.provider = "local";
  EXPECT_EQ(whose(former(), renamed, "boot-2", false), Belongs::to_another_id);
}

}  // namespace
}  // namespace mooring::agent::decide
