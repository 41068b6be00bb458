#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/profile.h"

namespace mooring::backends::aws {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKeys = "aws_access_key_id=AKIA\naws_secret_access_key=hush-hush\n";

Result<std::optional<ProfilePlan>> plan(const std::string& text, const std::string& name = "default") {
  return plan_profile(read_profiles(text, SharedFile::config), name);
}

/// The error, which must not tell a secret.
std::string error_of(const std::string& text, const std::string& name = "default") {
  const auto result = plan(text, name);
  EXPECT_FALSE(result) << text;
  if (result) return {};
  EXPECT_EQ(result.error().code, Errc::denied);
  EXPECT_THAT(result.error().message, Not(HasSubstr("hush")));
  return result.error().message;
}

std::vector<std::string> arns(const ProfilePlan& steps) {
  std::vector<std::string> result;
  for (const AssumedRole& role : steps.roles) result.push_back(role.arn);
  return result;
}

TEST(Profile, static_keys) {
  const auto result = plan(std::string("[default]\naws_session_token=T\n") + kKeys);
  ASSERT_TRUE(result && result.value());
  const auto& keys = std::get<Credentials>(result.value()->base);
  EXPECT_EQ(keys.access_key_id, "AKIA");
  EXPECT_EQ(keys.secret_access_key, "hush-hush");
  EXPECT_EQ(keys.session_token, "T");
  EXPECT_TRUE(result.value()->roles.empty());
}

TEST(Profile, without_credentials_is_passed_over) {
  const auto only_region = plan("[default]\nregion=x\n");
  ASSERT_TRUE(only_region);
  EXPECT_FALSE(only_region.value());
  const auto missing = plan("");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(missing.value());
}

TEST(Profile, roles_are_taken_on_one_after_another_from_the_innermost_source) {
  const auto result =
      plan(std::string("[default]\nrole_arn=outer\nsource_profile=mid\nexternal_id=e\nduration_seconds=900\n"
                       "role_session_name=s\n[profile mid]\nrole_arn=inner\nsource_profile=base\n"
                       "[profile base]\n") +
           kKeys);
  ASSERT_TRUE(result && result.value());
  EXPECT_THAT(arns(*result.value()), testing::ElementsAre("inner", "outer"));
  EXPECT_EQ(result.value()->roles[1], (AssumedRole{"outer", "s", "e", std::chrono::seconds(900)}));
  EXPECT_TRUE(std::holds_alternative<Credentials>(result.value()->base));
}

TEST(Profile, a_profile_may_be_its_own_source_by_its_keys) {
  const auto result = plan(std::string("[default]\nrole_arn=r\nsource_profile=default\n") + kKeys);
  ASSERT_TRUE(result && result.value());
  EXPECT_THAT(arns(*result.value()), testing::ElementsAre("r"));
  EXPECT_EQ(std::get<Credentials>(result.value()->base).access_key_id, "AKIA");
}

TEST(Profile, keys_of_a_source_go_before_its_role) {
  const auto result = plan(std::string("[default]\nrole_arn=r\nsource_profile=s\n[profile s]\nrole_arn=q\n"
                                       "source_profile=default\n") +
                           kKeys);
  ASSERT_TRUE(result && result.value());
  EXPECT_THAT(arns(*result.value()), testing::ElementsAre("r"));
}

TEST(Profile, credential_source_names_where_a_role_begins) {
  const auto of = [](const std::string& source) {
    const auto result = plan("[default]\nrole_arn=r\ncredential_source=" + source + "\n");
    return std::get<NamedSource>(result.value()->base);
  };
  EXPECT_EQ(of("Environment"), NamedSource::environment);
  EXPECT_EQ(of("Ec2InstanceMetadata"), NamedSource::instance_role);
  EXPECT_EQ(of("EcsContainer"), NamedSource::container);
  EXPECT_THAT(error_of("[default]\nrole_arn=r\ncredential_source=Moon\n"), HasSubstr("'Moon'"));
}

TEST(Profile, web_identity) {
  const std::string web = "web_identity_token_file=/t\nrole_arn=w\nrole_session_name=n\n";
  const auto result = plan("[default]\n" + web);
  ASSERT_TRUE(result && result.value());
  EXPECT_EQ(std::get<WebIdentity>(result.value()->base), (WebIdentity{"/t", "w", "n"}));
  const auto source = plan("[default]\nrole_arn=r\nsource_profile=s\n[profile s]\n" + web);
  ASSERT_TRUE(source && source.value());
  EXPECT_TRUE(std::holds_alternative<WebIdentity>(source.value()->base));
  EXPECT_THAT(error_of("[default]\nweb_identity_token_file=/t\n"), HasSubstr("role_arn"));
}

TEST(Profile, names_what_is_not_supported) {
  for (const char* key : {"credential_process", "sso_session", "sso_start_url", "sso_account_id", "login_session"}) {
    const auto message = error_of(std::string("[default]\n") + key + "=hush\n");
    EXPECT_THAT(message, HasSubstr(key));
    EXPECT_THAT(message, HasSubstr("'default'"));
  }
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=s\nmfa_serial=m\n[profile s]\n"),
              HasSubstr("mfa_serial"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=s\n[profile s]\ncredential_process=x\n"),
              HasSubstr("'s': credential_process"));
}

TEST(Profile, says_what_is_missing_or_contradictory) {
  EXPECT_THAT(error_of("[default]\naws_access_key_id=A\n"), HasSubstr("aws_secret_access_key is missing"));
  EXPECT_THAT(error_of("[default]\naws_secret_access_key=hush\n"), HasSubstr("aws_access_key_id is missing"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\n"), HasSubstr("source_profile or a credential_source"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=s\ncredential_source=Environment\n"), HasSubstr("both"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=s\n"), HasSubstr("'s' does not exist"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=s\n[profile s]\nregion=x\n"),
              HasSubstr("'s' has no credentials"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=default\nduration_seconds=an hour\n"),
              HasSubstr("duration_seconds"));
}

TEST(Profile, a_circle_of_sources_ends) {
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=default\n"), HasSubstr("leads back"));
  EXPECT_THAT(error_of("[default]\nrole_arn=r\nsource_profile=a\n[profile a]\nrole_arn=q\nsource_profile=b\n"
                       "[profile b]\nrole_arn=p\nsource_profile=a\n"),
              HasSubstr("leads back"));
}

}  // namespace
}  // namespace mooring::backends::aws
