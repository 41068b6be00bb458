// The vectors are those that AWS published as its Signature Version 4 test suite (service "service", 2015-08-30).
#include <string>

#include <gtest/gtest.h>

#include "backends/aws/sigv4.h"
#include "backends/aws/time.h"

namespace mooring::backends::aws {
namespace {

Credentials example() {
  Credentials credentials;
  credentials.access_key_id = "AKIDEXAMPLE";
  credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  return credentials;
}

SigningScope scope() { return {"us-east-1", "service", *read_time("2015-08-30T12:36:00Z")}; }

std::string authorization(http::Request request, const Credentials& credentials = example()) {
  sign(request, credentials, scope());
  return *http::find_header(request.headers, "authorization");
}

std::string get(const std::string& target, http::Headers headers = {}) {
  http::Request request;
  request.url = "https://example.amazonaws.com" + target;
  request.headers = std::move(headers);
  return authorization(request);
}

std::string expected(const std::string& names, const std::string& signature) {
  return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + names +
         ", Signature=" + signature;
}

constexpr const char* kUsual = "host;x-amz-date";

TEST(Sigv4, signs_a_plain_request) {
  const auto want = expected(kUsual, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(get("/"), want);
  EXPECT_EQ(get(""), want);
}

TEST(Sigv4, leaves_unreserved_characters_of_a_path_alone) {
  EXPECT_EQ(get("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
            expected(kUsual, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"));
}

TEST(Sigv4, drops_empty_and_dot_segments_of_a_path) {
  const auto slashes = expected(kUsual, "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84");
  EXPECT_EQ(get("//example//"), slashes);
  EXPECT_EQ(get("/./x/../example/"), slashes);
  EXPECT_EQ(get("/example/.."), get("/"));
}

TEST(Sigv4, sorts_the_query_by_name_then_value) {
  EXPECT_EQ(get("/?Param2=value2&Param1=value1"),
            expected(kUsual, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
  EXPECT_EQ(get("/?Param1=value2&Param1=value1"),
            expected(kUsual, "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"));
}

TEST(Sigv4, takes_the_query_as_it_is_encoded) {
  EXPECT_EQ(get("/?%E1%88%B4=bar"),
            expected(kUsual, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"));
}

TEST(Sigv4, joins_repeated_headers_in_their_order) {
  const auto names = "host;my-header1;x-amz-date";
  EXPECT_EQ(
      get("/",
          {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}}),
      expected(names, "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"));
  EXPECT_EQ(get("/", {{"My-Header1", "value2"}, {"my-header1", "value2"}, {"MY-HEADER1", "value1"}}),
            expected(names, "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"));
}

TEST(Sigv4, trims_the_values_of_headers) {
  EXPECT_EQ(get("/", {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}),
            expected("host;my-header1;my-header2;x-amz-date",
                     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"));
}

TEST(Sigv4, signs_the_body) {
  http::Request request;
  request.method = "POST";
  request.url = "https://example.amazonaws.com/";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = "Param1=value1";
  EXPECT_EQ(authorization(request), expected("content-type;host;x-amz-date",
                                             "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
}

TEST(Sigv4, signs_the_token_of_a_role) {
  auto credentials = example();
  credentials.session_token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
  http::Request request;
  request.url = "https://example.amazonaws.com/";
  EXPECT_EQ(authorization(request, credentials),
            expected("host;x-amz-date;x-amz-security-token",
                     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"));
}

TEST(Sigv4, replaces_what_an_earlier_attempt_left) {
  auto credentials = example();
  http::Request request;
  request.url = "https://example.amazonaws.com/";
  credentials.session_token = "of-before";
  sign(request, credentials, scope());
  credentials.session_token.clear();
  sign(request, credentials, scope());
  EXPECT_EQ(request.headers.size(), 2U);
  EXPECT_EQ(*http::find_header(request.headers, "Authorization"), get("/"));
}

TEST(Sigv4, the_host_is_signed_as_it_is_sent) {
  EXPECT_EQ(get("/", {{"Host", "elsewhere"}}), get("/"));
  const auto of = [](const char* url) {
    http::Request request;
    request.url = url;
    return authorization(request);
  };
  EXPECT_EQ(of("https://EXAMPLE.amazonaws.com:443/"), get("/"));
  EXPECT_NE(of("https://example.amazonaws.com:444/"), get("/"));
  EXPECT_NE(of("http://example.amazonaws.com:443/"), get("/"));
}

TEST(AwsTime, is_written_compactly) {
  EXPECT_EQ(compact_time(*read_time("2015-08-30T12:36:00Z")), "20150830T123600Z");
  EXPECT_EQ(compact_time(*read_time("2024-02-29T23:59:59.999Z")), "20240229T235959Z");
}

TEST(AwsTime, is_read_in_utc_only) {
  EXPECT_EQ(read_time("2030-01-01T00:00:00+00:00"), read_time("2030-01-01T00:00:00Z"));
  for (const char* text :
       {"", "Z", "2030-01-01", "2030-01-01T00:00:00", "2030-01-01T00:00:00+02:00", "2030-02-30T00:00:00Z",
        "2030-13-01T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:00:00.Z", "2030-1-1T0:0:0Z",
        " 2030-01-01T00:00:00Z", "2030-01-01T00:00:00Zz", "+030-01-01T00:00:00Z", "-1"})
    EXPECT_FALSE(read_time(text)) << text;
}

}  // namespace
}  // namespace mooring::backends::aws
