#include "backends/openstack/identity.h"

#include <algorithm>
#include <array>
#include <utility>

#include "backends/answer.h"

namespace mooring::backends::openstack {
namespace {

constexpr std::string_view kWhat = "meta_data.json of OpenStack";

constexpr std::array<std::string_view, 2> kProducts = {"OpenStack Nova", "OpenStack Compute"};
constexpr std::array<std::string_view, 6> kTags = {"HUAWEICLOUD",    "OpenTelekomCloud",
                                                   "SAP CCloud VM",  "Samsung Cloud Platform",
                                                   "OpenStack Nova", "OpenStack Compute"};

}  // namespace

std::string seen(const Hints& hints) {
  const Dmi& dmi = hints.dmi;
  if (std::find(kProducts.begin(), kProducts.end(), dmi.product_name) != kProducts.end())
    return dmi_seen("product_name", dmi.product_name);
  if (std::find(kTags.begin(), kTags.end(), dmi.chassis_asset_tag) != kTags.end())
    return dmi_seen("chassis_asset_tag", dmi.chassis_asset_tag);
  if (!hints.config_drive.empty()) return "config drive: " + hints.config_drive_path;
  return {};
}

Result<Identity> parse_identity(std::string_view json, const Environment& environment) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "openstack";
  identity.instance_id = text_at(answer, {"uuid"});
  if (!is_name(identity.instance_id)) return lacks(kWhat, "uuid");
  identity.region = text_at(answer, {"region_id"});
  if (!is_name(identity.region)) identity.region = std::string(variable(environment, "OS_REGION_NAME"));
  if (!identity.region.empty() && !is_name(identity.region)) return lacks("the environment", "OS_REGION_NAME");
  identity.zone = text_at(answer, {"availability_zone"});
  identity.instance_type = detail(text_at(answer, {"instance_type"}));
  identity.account = detail(text_at(answer, {"project_id"}));
  add_attribute(identity, "project_id", identity.account);
  add_attribute(identity, "name", text_at(answer, {"name"}));
  return with_usable_zone(std::move(identity), kWhat);
}

std::string parse_type(std::string_view text) {
  std::string type = trimmed(text);
  return is_name(type) ? type : std::string{};
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints) {
  if (!hints.config_drive.empty()) {
    auto identity = parse_identity(hints.config_drive, hints.environment);
    if (identity) identity.value().source = "config drive: " + hints.config_drive_path;
    co_return identity;
  }
  std::string path = "/openstack/latest/meta_data.json";
  http::Headers headers;
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  auto identity = parse_identity(text, hints.environment);
  if (!identity || !identity.value().instance_type.empty()) co_return identity;
  path = "/latest/meta-data/instance-type";
  headers.clear();
  auto type = co_await get_text(metadata, std::move(path), std::move(headers));
  if (type) identity.value().instance_type = detail(parse_type(type.value()));
  co_return identity;
}

}  // namespace mooring::backends::openstack
