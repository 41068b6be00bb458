#include "backends/scaleway/identity.h"

#include <utility>

#include "backends/answer.h"

namespace mooring::backends::scaleway {
namespace {

constexpr std::string_view kWhat = "Scaleway's metadata";

/// Zones had other names once, and old machines still say them.
std::string zone_of(std::string name) {
  if (name == "par1") return "fr-par-1";
  if (name == "ams1") return "nl-ams-1";
  return name;
}

}  // namespace

std::string seen(const Hints& hints) {
  return hints.dmi.sys_vendor == "Scaleway" ? dmi_seen("sys_vendor", hints.dmi.sys_vendor) : std::string{};
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "scaleway";
  identity.zone = zone_of(text_at(answer, {"location", "zone_id"}));
  if (identity.zone.empty()) identity.zone = zone_of(text_at(answer, {"zone"}));
  identity.region = before_last(identity.zone, '-');
  identity.instance_id = text_at(answer, {"id"});
  if (!is_name(identity.region)) return lacks(kWhat, "location.zone_id");
  if (!is_name(identity.instance_id)) return lacks(kWhat, "id");
  identity.instance_type = detail(text_at(answer, {"commercial_type"}));
  identity.account = detail(text_at(answer, {"organization"}));
  add_attribute(identity, "project", text_at(answer, {"project"}));
  add_attribute(identity, "name", text_at(answer, {"name"}));
  return with_usable_zone(std::move(identity), kWhat);
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  std::string path = "/conf?format=json";
  http::Headers headers;
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::scaleway
