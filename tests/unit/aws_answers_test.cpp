// What the local services and STS are asked, and how their answers are read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/aws/endpoint.h"
#include "backends/aws/metadata_credentials.h"
#include "backends/aws/partition.h"
#include "backends/aws/quote.h"
#include "backends/aws/sts.h"
#include "backends/aws/time.h"

namespace mooring::backends::aws {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Endpoint, follows_the_partition_of_the_region) {
  EXPECT_EQ(service_endpoint("ec2", "us-east-1"), "https://ec2.us-east-1.amazonaws.com");
  EXPECT_EQ(service_endpoint("ec2", "us-gov-west-1"), "https://ec2.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(service_endpoint("ec2", "cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(service_endpoint("sts", "us-iso-east-1"), "https://sts.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(service_endpoint("sts", "us-isob-east-1"), "https://sts.us-isob-east-1.sc2s.sgov.gov");
  EXPECT_EQ(service_endpoint("sts", "eu-isoe-west-1"), "https://sts.eu-isoe-west-1.cloud.adc-e.uk");
  EXPECT_EQ(service_endpoint("sts", "us-isof-south-1"), "https://sts.us-isof-south-1.csp.hci.ic.gov");
  EXPECT_EQ(service_endpoint("sts", "eusc-de-east-1"), "https://sts.eusc-de-east-1.amazonaws.eu");
  EXPECT_EQ(service_endpoint("ec2", "mars-north-1", "aws.example"), "https://ec2.mars-north-1.aws.example");
}

TEST(Endpoint, lets_nothing_odd_into_a_host_name) {
  for (const char* region : {"", "x", "us-east-1.evil.example/", "us east 1", "us-east-1@evil", "us-east-1#", "-us",
                             "us-", "us_east", "us-east-1\r\n", "ünïcode"})
    EXPECT_FALSE(service_endpoint("ec2", region)) << region;
  EXPECT_FALSE(service_endpoint("ec2", std::string(64, 'a')));
  for (const char* suffix : {"evil.example/x", "a..b", ".com", "com.", "a.b:1", "a b.c"})
    EXPECT_FALSE(service_endpoint("ec2", "us-east-1", suffix)) << suffix;
  EXPECT_FALSE(service_endpoint("ec2.evil", "us-east-1"));
}

Result<std::optional<ContainerEndpoint>> full(const std::string& url) {
  return container_endpoint({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}});
}

TEST(Container, the_relative_uri_goes_to_the_agent_and_before_the_full_one) {
  const auto found = container_endpoint({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/an-id"},
                                         {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://else.example/"},
                                         {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "t"}});
  ASSERT_TRUE(found && found.value());
  EXPECT_EQ(found.value()->url, "http://169.254.170.2/v2/credentials/an-id");
  EXPECT_EQ(found.value()->origin, "http://169.254.170.2");
  EXPECT_EQ(found.value()->token, "t");
  const auto none = container_endpoint({});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none.value());
  EXPECT_FALSE(container_endpoint({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/x"}}));
}

TEST(Container, the_full_uri_leads_to_https_or_stays_near) {
  for (const char* url : {"https://any.example/x", "http://localhost:1/x", "http://127.0.0.1/", "http://127.1.2.3:80/x",
                          "http://[::1]:1/", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
                          "http://[fd00:ec2::23]/v1/credentials"})
    EXPECT_TRUE(full(url)) << url;
  for (const char* url : {"http://any.example/x", "http://169.254.169.254/x", "http://127.evil.example/",
                          "http://localhost.evil.example/", "http://10.0.0.1/", "http://[fd00:ec2::254]/",
                          "ftp://localhost/", "nonsense", "http://localhost@evil.example/"}) {
    const auto answer = full(url);
    ASSERT_FALSE(answer) << url;
    EXPECT_EQ(answer.error().code, Errc::denied);
    EXPECT_THAT(answer.error().message, HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
  }
}

TEST(Container, the_token_is_the_authorization_and_the_request_takes_no_proxy) {
  const ContainerEndpoint endpoint{"http://127.0.0.1/x", "http://127.0.0.1", "", ""};
  const auto request = container_request(endpoint, "Bearer t");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request.value().direct);
  EXPECT_EQ(*http::find_header(request.value().headers, "authorization"), "Bearer t");
  EXPECT_EQ(http::find_header(container_request(endpoint, "").value().headers, "authorization"), nullptr);
  const auto odd = container_request(endpoint, "hush\r\nX-Evil: 1");
  ASSERT_FALSE(odd);
  EXPECT_THAT(odd.error().message, Not(HasSubstr("hush")));
}

http::Response response(unsigned status, std::string body) { return {status, {}, std::move(body)}; }

TEST(Container, reads_credentials) {
  const auto answer = read_container_answer(
      response(
          200,
          R"({"AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z","RoleArn":"r"})"),
      {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer.value().access_key_id, "ASIA");
  EXPECT_EQ(answer.value().secret_access_key, "s");
  EXPECT_EQ(answer.value().session_token, "t");
  EXPECT_EQ(answer.value().expires, read_time("2030-01-01T00:00:00Z"));
  EXPECT_FALSE(answer.value().outlive_expiry);
}

TEST(Container, tells_a_refusal_from_an_outage) {
  const auto refusal = read_container_answer(
      response(403, R"({"code":"AccessDenied","message":"not you, hush-token"})"), {"hush-token"});
  EXPECT_EQ(refusal.error().code, Errc::denied);
  EXPECT_THAT(refusal.error().message, HasSubstr("403 AccessDenied: not you, ***"));
  EXPECT_EQ(read_container_answer(response(429, "{}"), {}).error().code, Errc::unavailable);
  EXPECT_EQ(read_container_answer(response(500, "hush"), {}).error().code, Errc::unavailable);
}

TEST(Container, an_answer_that_is_cut_off_is_not_quoted) {
  for (const char* body : {"", "{", "[]", R"({"AccessKeyId":"A","SecretAccessKey":"hush)", R"({"AccessKeyId":1})",
                           R"({"AccessKeyId":"A","SecretAccessKey":"hush","Expiration":"soon"})"}) {
    const auto answer = read_container_answer(response(200, body), {});
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    EXPECT_THAT(answer.error().message, Not(HasSubstr("hush")));
  }
}

TEST(InstanceRole, is_the_first_line) {
  EXPECT_EQ(read_role_name("web+=,.@_-\nother\n").value(), "web+=,.@_-");
  EXPECT_EQ(read_role_name("").error().code, Errc::denied);
  EXPECT_THAT(read_role_name(" \n").error().message, HasSubstr("attach an instance profile"));
  for (const char* odd : {"../../user-data", "a?b", "<html>", "a%2f"}) EXPECT_FALSE(read_role_name(odd)) << odd;
}

TEST(InstanceRole, reads_credentials_that_may_outlive_their_expiry) {
  const auto answer = read_role_credentials(
      R"({"Code":"Success","LastUpdated":"2029-01-01T00:00:00Z","Type":"AWS-HMAC","AccessKeyId":"ASIA",)"
      R"("SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z"})",
      "web");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer.value().source, "instance role 'web'");
  EXPECT_EQ(answer.value().session_token, "t");
  EXPECT_TRUE(answer.value().outlive_expiry);
}

TEST(InstanceRole, says_why_there_are_no_credentials) {
  const auto answer = read_role_credentials(
      R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role","LastUpdated":"x"})", "web");
  EXPECT_EQ(answer.error().code, Errc::denied);
  EXPECT_THAT(answer.error().message, HasSubstr("'web'"));
  EXPECT_THAT(answer.error().message, HasSubstr("AssumeRoleUnauthorizedAccess: EC2 cannot assume the role"));
  EXPECT_EQ(read_role_credentials(R"({"Code":"Success","AccessKeyId":"A","SecretAccessKey":"s"})", "web").error().code,
            Errc::unavailable);
}

TEST(Sts, asks_for_a_role) {
  const auto request =
      assume_role("https://sts.example", {"arn:aws:iam::1:role/a b", "", "e&=", std::chrono::seconds(900)}, "me");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://sts.example/");
  EXPECT_EQ(request.body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b"
            "&RoleSessionName=me&ExternalId=e%26%3D&DurationSeconds=900");
  const auto web = assume_role_with_web_identity("https://sts.example/", {"/t", "r", ""}, "me", "a.b-c_d");
  EXPECT_EQ(web.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r&RoleSessionName=me"
            "&WebIdentityToken=a.b-c_d");
}

std::string sts_success(const std::string& action) {
  return "<" + action + R"(Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><)" + action +
         "Result><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA</AccessKeyId>"
         "<SecretAccessKey>s/+=</SecretAccessKey><SessionToken>t&amp;</SessionToken>"
         "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></" +
         action + "Result><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></" + action + "Response>";
}

TEST(Sts, reads_credentials) {
  for (const char* action : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
    const auto answer = read_sts_answer(response(200, sts_success(action)), {});
    ASSERT_TRUE(answer.credentials) << action;
    EXPECT_EQ(answer.credentials->access_key_id, "ASIA");
    EXPECT_EQ(answer.credentials->secret_access_key, "s/+=");
    EXPECT_EQ(answer.credentials->session_token, "t&");
    EXPECT_EQ(answer.credentials->expires, read_time("2030-01-01T00:00:00Z"));
  }
}

std::string sts_error(const std::string& code, const std::string& message) {
  return R"(<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>)" + code +
         "</Code><Message>" + message + "</Message></Error><RequestId>x</RequestId></ErrorResponse>";
}

TEST(Sts, a_refusal_is_quoted_without_the_token) {
  const auto answer =
      read_sts_answer(response(400, sts_error("InvalidIdentityToken", "bad token hush.hush&#10;!")), {"hush.hush"});
  ASSERT_FALSE(answer.credentials);
  EXPECT_EQ(answer.error.code, Errc::denied);
  EXPECT_EQ(answer.error.message, "STS answers 400 InvalidIdentityToken: bad token *** !");
  EXPECT_FALSE(answer.may_pass);
}

TEST(Sts, what_passes_is_told_from_what_does_not) {
  for (const char* code : {"IDPCommunicationError", "Throttling", "ThrottlingException"}) {
    const auto answer = read_sts_answer(response(400, sts_error(code, "m")), {});
    EXPECT_EQ(answer.error.code, Errc::unavailable) << code;
    EXPECT_TRUE(answer.may_pass) << code;
  }
  EXPECT_EQ(read_sts_answer(response(503, "<html/>"), {}).error.code, Errc::unavailable);
  EXPECT_EQ(read_sts_answer(response(403, "<html>a portal</html>"), {}).error.code, Errc::unavailable);
}

TEST(Sts, an_answer_that_is_cut_off_is_no_answer) {
  const std::string whole = sts_success("AssumeRole");
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    const auto answer = read_sts_answer(response(200, whole.substr(0, size)), {});
    ASSERT_FALSE(answer.credentials) << size;
    EXPECT_EQ(answer.error.code, Errc::unavailable);
    EXPECT_THAT(answer.error.message, Not(HasSubstr("ASIA")));
  }
}

TEST(Quote, hides_and_shortens) {
  EXPECT_EQ(quote("a secret and a secret", {"secret", "", "a"}), "a *** and a ***");
  EXPECT_EQ(quote("a\r\n\tb", {}), "a   b");
  EXPECT_LE(quote(std::string(1000, 'x'), {}).size(), 304U);
  const std::string umlauts = [] {
    std::string text = "x";
    for (int i = 0; i < 400; ++i) text += "ü";
    return text;
  }();
  EXPECT_EQ(quote(umlauts, {}).substr(299), "…");
}

}  // namespace
}  // namespace mooring::backends::aws
