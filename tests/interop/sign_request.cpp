// Signs requests for test_sigv4.py: a JSON object a line {method, url, headers: [[name, value]…], body, access_key,
// secret, token, region, service, time}; prints the Authorization header of each.
#include <iostream>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "backends/aws/sigv4.h"
#include "backends/aws/time.h"

namespace {

namespace json = boost::json;
using namespace mooring::backends;

std::string text(const json::value& value) { return {value.as_string().data(), value.as_string().size()}; }

std::string authorization(const json::object& asked) {
  http::Request request;
  request.method = text(asked.at("method"));
  request.url = text(asked.at("url"));
  for (const auto& header : asked.at("headers").as_array())
    request.headers.emplace_back(text(header.at(0)), text(header.at(1)));
  request.body = text(asked.at("body"));
  aws::Credentials credentials;
  credentials.access_key_id = text(asked.at("access_key"));
  credentials.secret_access_key = text(asked.at("secret"));
  credentials.session_token = text(asked.at("token"));
  const std::string region = text(asked.at("region"));
  const std::string service = text(asked.at("service"));
  aws::sign(request, credentials, {region, service, aws::read_time(text(asked.at("time"))).value()});
  return *http::find_header(request.headers, "Authorization");
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << authorization(json::parse(line).as_object()) << '\n';
  return 0;
}
