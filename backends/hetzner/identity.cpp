#include "backends/hetzner/identity.h"

#include <utility>

#include <yaml-cpp/yaml.h>

#include "backends/answer.h"

namespace mooring::backends::hetzner {
namespace {

constexpr std::string_view kWhat = "Hetzner's metadata";

std::string text_of_key(const YAML::Node& mapping, const char* key) {
  const YAML::Node value = mapping[key];
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string{};
}

}  // namespace

std::string seen(const Hints& hints) {
  return hints.dmi.sys_vendor == "Hetzner" ? dmi_seen("sys_vendor", hints.dmi.sys_vendor) : std::string{};
}

Result<Identity> parse_identity(std::string_view yaml) {
  Identity identity;
  identity.provider = "hetzner";
  try {
    const YAML::Node answer = YAML::Load(std::string(yaml));
    if (!answer.IsMap()) return Error{Errc::unavailable, std::string(kWhat) + " are not a YAML mapping", {}};
    identity.zone = text_of_key(answer, "availability-zone");
    identity.instance_id = text_of_key(answer, "instance-id");
    add_attribute(identity, "network_zone", text_of_key(answer, "region"));
    add_attribute(identity, "name", text_of_key(answer, "hostname"));
  } catch (const YAML::Exception&) {  // its text would quote what was answered
    return Error{Errc::unavailable, std::string(kWhat) + " are not YAML", {}};
  }
  identity.region = identity.zone.substr(0, identity.zone.find('-'));
  if (!is_name(identity.instance_id)) return lacks(kWhat, "instance-id");
  if (!is_name(identity.region)) return lacks(kWhat, "availability-zone");
  return with_usable_zone(std::move(identity), kWhat);
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  std::string path = "/hetzner/v1/metadata";
  http::Headers headers;
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::hetzner
