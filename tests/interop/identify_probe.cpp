// Runs backends::detect() once, as moord does, and prints what it found as JSON.
//   identify_probe --root DIRECTORY [--provider NAME] [--region NAME] [--metadata URL]...
#include <chrono>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "backends/environment.h"
#include "backends/http/client.h"
#include "backends/http/proxy.h"
#include "backends/identify.h"

namespace {

namespace asio = boost::asio;
namespace backends = mooring::backends;
namespace json = boost::json;

std::string_view name_of(backends::Detection::Outcome outcome) {
  switch (outcome) {
    case backends::Detection::Outcome::found:
      return "found";
    case backends::Detection::Outcome::no_cloud:
      return "no_cloud";
    case backends::Detection::Outcome::unreachable:
      return "unreachable";
  }
  return "";
}

json::object to_json(const backends::Identity& identity) {
  json::object attributes;
  for (const auto& [name, value] : identity.attributes) attributes[name] = value;
  return {
      {"provider", identity.provider}, {"region", identity.region},           {"zone", identity.zone},
      {"zone_id", identity.zone_id},   {"instance_id", identity.instance_id}, {"instance_type", identity.instance_type},
      {"account", identity.account},   {"attributes", std::move(attributes)}, {"source", identity.source}};
}

backends::IdentitySettings read_arguments(const std::vector<std::string>& arguments) {
  backends::IdentitySettings settings;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--root") settings.hints_root = value;
    if (arguments[i] == "--provider") settings.provider = value;
    if (arguments[i] == "--region") settings.region = value;
    if (arguments[i] == "--metadata") settings.metadata.push_back(value);
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  const backends::IdentitySettings settings = read_arguments({argv + 1, argv + argc});
  const backends::Environment environment = backends::process_environment();
  asio::io_context context{1};
  backends::http::ClientSettings client_settings;
  client_settings.user_agent = "mooring-test";
  client_settings.proxies = backends::http::proxies_from(environment);
  backends::http::Client client(context.get_executor(), std::move(client_settings));
  std::optional<backends::Detection> detection;
  const auto begin = std::chrono::steady_clock::now();
  auto run = [&]() -> asio::awaitable<void> { detection = co_await backends::detect(settings, environment, client); };
  auto ended = [&](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
    context.stop();
  };
  asio::co_spawn(context, run, ended);
  context.run();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::cout << json::serialize(json::object{{"outcome", name_of(detection->outcome)},
                                            {"identity", to_json(detection->identity)},
                                            {"provider", detection->provider},
                                            {"problem", detection->problem},
                                            {"took_ms", took.count()}})
            << '\n';
}
