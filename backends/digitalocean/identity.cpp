#include "backends/digitalocean/identity.h"

#include <utility>

#include "backends/answer.h"

namespace mooring::backends::digitalocean {
namespace {

constexpr std::string_view kWhat = "DigitalOcean's metadata";

}  // namespace

std::string seen(const Hints& hints) {
  return hints.dmi.sys_vendor == "DigitalOcean" ? dmi_seen("sys_vendor", hints.dmi.sys_vendor) : std::string{};
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "digitalocean";
  identity.region = text_at(answer, {"region"});
  identity.instance_id = text_at(answer, {"droplet_id"});
  if (!is_name(identity.instance_id)) return lacks(kWhat, "droplet_id");
  if (!is_name(identity.region)) return lacks(kWhat, "region");
  add_attribute(identity, "name", text_at(answer, {"hostname"}));
  return identity;
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  std::string path = "/metadata/v1.json";
  http::Headers headers;
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::digitalocean
