// URLs, proxies and no_proxy, and what is written for a request.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/http/proxy.h"
#include "backends/http/url.h"
#include "backends/http/wire.h"

namespace mooring::backends::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HttpUrl, takes_apart_what_a_request_needs) {
  const auto url = parse_url("HTTPS://EC2.eu-west-1.amazonaws.com?Action=X&a=%2F").value();
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "ec2.eu-west-1.amazonaws.com");
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(url.target, "/?Action=X&a=%2F");
  EXPECT_EQ(url.authority(), "ec2.eu-west-1.amazonaws.com");
  const auto ipv6 = parse_url("http://[fd00:ec2::254]:81/latest/%20x?").value();
  EXPECT_EQ(ipv6.host, "fd00:ec2::254");
  EXPECT_EQ(ipv6.authority(), "[fd00:ec2::254]:81");
  EXPECT_EQ(ipv6.target, "/latest/%20x?");
  EXPECT_EQ(parse_url("http://h:80/").value().authority(), "h");
  EXPECT_EQ(parse_url("http://h:80/").value().host_and_port(), "h:80");
  EXPECT_EQ(parse_url("http://h:/x").value().port, 80);
}

TEST(HttpUrl, refuses_what_is_not_one_and_repeats_nothing_of_it) {
  for (const std::string url :
       {"", "h/s3cret", "/s3cret", "ftp://h/s3cret", "http:///s3cret", "http://h:0/s3cret", "http://h:65536/s3cret",
        "http://u:s3cret@h/", "http://h/#s3cret", "http://h/s3cret path", "http://h%0d%0aX:s3cret/",
        "http://h/\r\nX: s3cret", "http://[::1/s3cret", "http:s3cret"}) {
    const auto parsed = parse_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code, Errc::bad_request) << url;
    EXPECT_FALSE(parsed.error().maybe_received);
    EXPECT_THAT(parsed.error().message, Not(HasSubstr("s3cret"))) << url;
  }
}

TEST(HttpProxy, address_may_have_a_user_and_may_lack_a_scheme) {
  const auto full = parse_proxy("http://us%65r:p%40ss@proxy.example:3128/").value();
  EXPECT_EQ(full.host_and_port(), "proxy.example:3128");
  EXPECT_EQ(full.authorization, "Basic dXNlcjpwQHNz");  // user:p@ss
  EXPECT_EQ(parse_proxy("proxy:3128").value().host_and_port(), "proxy:3128");
  EXPECT_EQ(parse_proxy("[::1]").value().host_and_port(), "[::1]:80");
  EXPECT_EQ(parse_proxy("proxy").value().authorization, "");
}

TEST(HttpProxy, of_a_kind_that_is_not_supported_is_named_without_its_password) {
  for (const std::string kind : {"https", "socks5", "socks5h"}) {
    const auto parsed = parse_proxy(kind + "://u:s3cret@h:1");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::bad_request);
    EXPECT_THAT(parsed.error().message, HasSubstr(kind + "://"));
    EXPECT_THAT(parsed.error().message, Not(HasSubstr("s3cret")));
  }
  EXPECT_FALSE(parse_proxy("http://u:s3cret@"));
  EXPECT_FALSE(parse_proxy("not a proxy"));
}

TEST(HttpProxies, come_from_the_variables_that_others_heed) {
  const auto proxies = proxies_from({{"http_proxy", "http://a"},
                                     {"HTTP_PROXY", "http://evil"},
                                     {"HTTPS_PROXY", "http://b"},
                                     {"ALL_PROXY", "http://c"},
                                     {"NO_PROXY", " x.example,\t10.0.0.0/8 , .y  "}});
  EXPECT_EQ(proxies.http, "http://a");
  EXPECT_EQ(proxies.https, "http://b");
  EXPECT_THAT(proxies.exceptions, testing::ElementsAre("x.example", "10.0.0.0/8", ".y"));
  const auto rest = proxies_from({{"all_proxy", "http://c"}, {"https_proxy", ""}, {"no_proxy", ","}});
  EXPECT_EQ(rest.http, "http://c");
  EXPECT_EQ(rest.https, "http://c");
  EXPECT_TRUE(rest.exceptions.empty());
  EXPECT_EQ(proxies_from({{"HTTP_PROXY", "http://evil"}}).http, "");
  EXPECT_EQ(proxy_for(proxies, "http", "z.example", 80), "http://a");
  EXPECT_EQ(proxy_for(proxies, "https", "z.example", 443), "http://b");
  EXPECT_EQ(proxy_for(proxies, "ftp", "z.example", 21), "");
  EXPECT_EQ(proxy_for(proxies, "https", "a.x.example", 443), "");
}

bool excepted(const std::string& entry, const std::string& host, unsigned port = 80) {
  return proxy_for({"http://p", "http://p", {entry}}, "http", host, port).empty();
}

TEST(HttpProxies, no_proxy_names_a_domain_and_all_below_it) {
  for (const std::string entry : {"example.com", ".example.com", "*.example.com", "EXAMPLE.com", "example.com."}) {
    EXPECT_TRUE(excepted(entry, "example.com")) << entry;
    EXPECT_TRUE(excepted(entry, "a.b.example.com")) << entry;
    EXPECT_TRUE(excepted(entry, "example.com.")) << entry;
    EXPECT_FALSE(excepted(entry, "notexample.com")) << entry;
    EXPECT_FALSE(excepted(entry, "example.com.org")) << entry;
    EXPECT_FALSE(excepted(entry, "com")) << entry;
  }
  EXPECT_TRUE(excepted("*", "anything"));
  for (const std::string entry : {"", ".", "*.", "[", "[]", ":80", "/", "[x]y"})
    EXPECT_FALSE(excepted(entry, "a")) << entry;
}

TEST(HttpProxies, no_proxy_names_addresses_and_blocks_of_them) {
  EXPECT_TRUE(excepted("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(excepted("10.1.2.3", "10.1.2.30"));
  EXPECT_FALSE(excepted("2.3", "10.1.2.3"));
  EXPECT_TRUE(excepted("10.1.0.0/15", "10.0.255.1"));
  EXPECT_FALSE(excepted("10.1.0.0/15", "10.2.0.1"));
  EXPECT_TRUE(excepted("0.0.0.0/0", "10.2.0.1"));
  EXPECT_TRUE(excepted("10.2.0.1/32", "10.2.0.1"));
  for (const std::string entry : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8x", "/8", "::/0", "10/8"})
    EXPECT_FALSE(excepted(entry, "10.0.0.1")) << entry;
  EXPECT_FALSE(excepted("10.0.0.0/8", "name"));
  EXPECT_TRUE(excepted("fd00::/8", "fd00:ec2::254"));
  EXPECT_FALSE(excepted("fe00::/8", "fd00:ec2::254"));
  EXPECT_TRUE(excepted("::1", "::1"));
  EXPECT_TRUE(excepted("0:0::1", "::1"));
  EXPECT_TRUE(excepted("[::1]", "::1"));
}

TEST(HttpProxies, no_proxy_may_be_for_one_port) {
  EXPECT_TRUE(excepted("example.com:8080", "a.example.com", 8080));
  EXPECT_FALSE(excepted("example.com:8080", "a.example.com", 80));
  EXPECT_TRUE(excepted("10.0.0.1:81", "10.0.0.1", 81));
  EXPECT_FALSE(excepted("10.0.0.1:81", "10.0.0.1", 80));
  EXPECT_TRUE(excepted("[::1]:81", "::1", 81));
  EXPECT_FALSE(excepted("[::1]:81", "::1", 80));
  EXPECT_FALSE(excepted("a:x", "a", 80));
}

Route route(const std::string& url, const std::string& proxy = "") {
  Route result{parse_url(url).value(), {}};
  if (!proxy.empty()) result.proxy = parse_proxy(proxy).value();
  return result;
}

TEST(HttpWire, writes_a_request) {
  Request request;
  request.headers = {{"X-A", "1"}, {"X-A", "2"}};
  EXPECT_EQ(request_text(request, route("http://h/p?q"), "moord/1"),
            "GET /p?q HTTP/1.1\r\nHost: h\r\nUser-Agent: moord/1\r\nX-A: 1\r\nX-A: 2\r\n\r\n");
  request.headers.clear();
  request.method = "PUT";
  EXPECT_EQ(request_text(request, route("http://h:81"), ""),
            "PUT / HTTP/1.1\r\nHost: h:81\r\nContent-Length: 0\r\n\r\n");
  request.body = "a=b";
  EXPECT_EQ(request_text(request, route("http://h"), ""), "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na=b");
}

TEST(HttpWire, gives_the_password_to_the_proxy_and_to_nobody_else) {
  const std::string proxy = "http://u:p@proxy";
  const std::string secret = "Proxy-Authorization: Basic dTpw\r\n";
  EXPECT_EQ(request_text({}, route("http://h:81/x", proxy), ""),
            "GET http://h:81/x HTTP/1.1\r\nHost: h:81\r\n" + secret + "\r\n");
  EXPECT_EQ(request_text({}, route("https://h/x", proxy), ""), "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(connect_text(route("https://[::1]/x", proxy), "a"),
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: a\r\n" + secret + "\r\n");
  EXPECT_THAT(route("https://h/x", proxy).key(), Not(HasSubstr("u:p")));
}

TEST(HttpWire, refuses_what_would_end_a_line) {
  const auto refusal = [](const std::string& method, const std::string& name, const std::string& value) {
    Request request;
    request.method = method;
    request.headers = {{name, value}};
    const auto checked = check_request(request);
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(refusal("GET", "X-A", "b\tc \xc3\xa4"), "");
  for (const char* method : {"", "GET /", "GET\r\nX", "G\nT", "CONNECT"})
    EXPECT_NE(refusal(method, "A", ""), "") << method;
  for (const char* name :
       {"", "A B", "A:", "A\r\nB", "Host", "content-length", "CONNECTION", "User-Agent", "Transfer-Encoding"})
    EXPECT_NE(refusal("GET", name, "s3cret"), "") << name;
  for (const std::string& value : {std::string("s3cret\r\nB: c"), std::string("s3cret\n"), std::string("s3cret\r"),
                                   std::string("s3cret\0", 7), std::string("s3cret\x7f")}) {
    EXPECT_THAT(refusal("GET", "X-Token", value), HasSubstr("X-Token")) << value;
    EXPECT_THAT(refusal("GET", "X-Token", value), Not(HasSubstr("s3cret"))) << value;
  }
}

}  // namespace
}  // namespace mooring::backends::http
