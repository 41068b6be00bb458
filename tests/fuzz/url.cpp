// URLs of services and proxies, and regions that become host names.
#include "backends/http/url.h"

#include "backends/aws/endpoint.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::backends;
  using namespace mooring::fuzz;
  const auto text = text_of(data, size);
  constexpr std::string_view kNotInAHost = " \t\r\n/@?#\\";
  if (const auto url = http::parse_url(text)) {
    const http::Url& it = url.value();
    expect(!it.host.empty() && it.host.find_first_of(kNotInAHost) == std::string::npos, "a host is one", it.host);
    expect(it.port != 0, "there is a port", text);
    expect(it.target.starts_with('/'), "a target begins with /", it.target);
    expect_printable(it.target);
    const std::string again = std::string(it.scheme()) + "://" + it.authority() + it.target;
    const auto same = http::parse_url(again);
    expect(same && same.value().host == it.host && same.value().port == it.port && same.value().target == it.target,
           "written again it is the same URL", again);
  } else {
    expect_printable(url.error().message);
  }
  if (const auto proxy = http::parse_proxy(text)) {
    expect(!proxy.value().host.empty() && proxy.value().port != 0, "a proxy has an address", text);
    expect_printable(proxy.value().authorization);
  }
  if (const auto endpoint = aws::service_endpoint("ec2", text)) {
    const auto url = http::parse_url(*endpoint);
    expect(
        url && url.value().tls && url.value().host.ends_with(".amazonaws.com") == endpoint->ends_with(".amazonaws.com"),
        "a region does not lead elsewhere", *endpoint);
  }
  return 0;
}
