#include "backends/oci/identity.h"

#include <utility>

#include "backends/answer.h"

namespace mooring::backends::oci {
namespace {

constexpr std::string_view kWhat = "Oracle Cloud's instance metadata";

/// The two regions whose `region` is a code; all later ones have their name there (OCI SDK guide, "Regions and
/// Availability Domains").
std::string region_of_code(std::string code) {
  if (code == "phx") return "us-phoenix-1";
  if (code == "iad") return "us-ashburn-1";
  return code;
}

}  // namespace

std::string seen(const Hints& hints) {
  constexpr std::string_view kTag = "OracleCloud.com";
  return hints.dmi.chassis_asset_tag == kTag ? dmi_seen("chassis_asset_tag", kTag) : std::string{};
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "oci";
  identity.region = text_at(answer, {"canonicalRegionName"});
  if (identity.region.empty()) identity.region = text_at(answer, {"regionInfo", "regionIdentifier"});
  if (identity.region.empty()) identity.region = region_of_code(text_at(answer, {"region"}));
  identity.instance_id = text_at(answer, {"id"});
  if (!is_name(identity.region)) return lacks(kWhat, "canonicalRegionName");
  if (!is_name(identity.instance_id) || !identity.instance_id.starts_with("ocid1.")) return lacks(kWhat, "id");
  identity.zone = text_at(answer, {"availabilityDomain"});  // "Uocm:PHX-AD-1": each tenancy has its own
  identity.zone_id = text_at(answer, {"ociAdName"});
  identity.instance_type = detail(text_at(answer, {"shape"}));
  identity.account = detail(text_at(answer, {"tenantId"}));
  add_attribute(identity, "compartment", text_at(answer, {"compartmentId"}));
  add_attribute(identity, "realm_domain", text_at(answer, {"regionInfo", "realmDomainComponent"}));
  add_attribute(identity, "name", text_at(answer, {"displayName"}));
  return with_usable_zone(std::move(identity), kWhat);
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  http::Headers headers = {{"Authorization", "Bearer Oracle"}};
  std::string path = "/opc/v2/instance/";
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::oci
