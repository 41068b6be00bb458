#include "backends/gcp/identity.h"

#include <utility>

#include "backends/answer.h"

namespace mooring::backends::gcp {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kWithin{5000};

/// Each key by itself: the whole tree has start-up scripts and keys of users in it.
asio::awaitable<Result<std::string>> value(Metadata& metadata, std::string key) {
  const std::string path = "/computeMetadata/v1/" + key;
  std::string method = "GET";
  http::Headers headers = {{"Metadata-Flavor", "Google"}};
  auto answer = co_await metadata.fetch(std::move(method), path, std::move(headers), kWithin);
  if (!answer) co_return std::move(answer).error();
  const std::string request = "GET " + metadata.base() + path;
  co_return value_of(answer.value(), request);
}

}  // namespace

std::string seen(const Hints& hints) {
  const Dmi& dmi = hints.dmi;
  if (dmi.product_name == "Google Compute Engine" || dmi.product_name == "Google")
    return dmi_seen("product_name", dmi.product_name);
  if (dmi.product_serial.starts_with("GoogleCloud-")) return dmi_seen("product_serial", dmi.product_serial);
  return {};
}

Result<std::string> value_of(const http::Response& response, std::string_view request) {
  if (response.header("Metadata-Flavor") != "Google")
    return Error{Errc::unavailable,
                 std::string(request) + ": status " + std::to_string(response.status) +
                     ", and not from Google: there is no 'Metadata-Flavor: Google'",
                 {}};
  BOOST_OUTCOME_TRY(const auto text, text_of(response, request));
  return trimmed(text);
}

Result<Identity> parse_identity(const Answers& answers) {
  constexpr std::string_view kWhat = "Google's metadata";
  Identity identity;
  identity.provider = "gcp";
  identity.zone = after_last(answers.zone, '/');
  identity.region = before_last(identity.zone, '-');
  if (!is_name(identity.zone) || !is_name(identity.region)) return lacks(kWhat, "instance/zone");
  if (!is_name(answers.id)) return lacks(kWhat, "instance/id");
  if (!is_name(answers.project_id)) return lacks(kWhat, "project/project-id");
  identity.instance_id = answers.id;
  identity.instance_type = detail(after_last(answers.machine_type, '/'));
  identity.account = answers.project_id;
  identity.attributes["project"] = answers.project_id;
  add_attribute(identity, "name", answers.name);
  constexpr std::string_view kProjects = "projects/";
  if (std::string_view number = answers.zone; number.starts_with(kProjects)) {
    number.remove_prefix(kProjects.size());
    add_attribute(identity, "project_number", std::string(number.substr(0, number.find('/'))));
  }
  return identity;
}

asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  Answers answers;
  std::string key = "instance/zone";
  BOOST_OUTCOME_CO_TRY(answers.zone, co_await value(metadata, std::move(key)));
  key = "instance/id";
  BOOST_OUTCOME_CO_TRY(answers.id, co_await value(metadata, std::move(key)));
  key = "project/project-id";
  BOOST_OUTCOME_CO_TRY(answers.project_id, co_await value(metadata, std::move(key)));
  key = "instance/name";
  auto name = co_await value(metadata, std::move(key));
  if (name) answers.name = std::move(name).value();
  key = "instance/machine-type";
  auto type = co_await value(metadata, std::move(key));
  if (type) answers.machine_type = std::move(type).value();
  co_return parse_identity(answers);
}

}  // namespace mooring::backends::gcp
