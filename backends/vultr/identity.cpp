#include "backends/vultr/identity.h"

#include <utility>

#include "backends/answer.h"
#include "backends/http/text.h"

namespace mooring::backends::vultr {
namespace {

constexpr std::string_view kWhat = "Vultr's metadata";

}  // namespace

std::string seen(const Hints& hints) {
  return hints.dmi.sys_vendor == "Vultr" ? dmi_seen("sys_vendor", hints.dmi.sys_vendor) : std::string{};
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "vultr";
  identity.region = http::lower(text_at(answer, {"region", "regioncode"}));
  identity.instance_id = text_at(answer, {"instance-v2-id"});  // `instanceid` is a number of the API's first version
  if (!is_name(identity.region)) return lacks(kWhat, "region.regioncode");
  if (!is_name(identity.instance_id)) return lacks(kWhat, "instance-v2-id");
  add_attribute(identity, "name", text_at(answer, {"hostname"}));
  return identity;
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  http::Headers headers = {{"Metadata-Token", "cloudinit"}};
  std::string path = "/v1.json";
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::vultr
