#include "backends/azure/identity.h"

#include <array>
#include <utility>

#include "backends/answer.h"

namespace mooring::backends::azure {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kWithin{5000};
constexpr std::string_view kWhat = "Azure's instance metadata";

/// Older ones, such as Azure Stack Hub, refuse the first with 400.
constexpr std::array<const char*, 2> kPaths = {"/metadata/instance?api-version=2021-08-01&extended=true",
                                               "/metadata/instance?api-version=2019-06-01"};

}  // namespace

std::string seen(const Hints& hints) {
  // That of Azure alone; Hyper-V elsewhere has the same vendor and product (Azure/WALinuxAgent and cloud-init both go
  // by it).
  constexpr std::string_view kTag = "7783-7084-3265-9085-8269-3286-77";
  return hints.dmi.chassis_asset_tag == kTag ? dmi_seen("chassis_asset_tag", kTag) : std::string{};
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "azure";
  identity.region = text_at(answer, {"compute", "location"});
  identity.instance_id = text_at(answer, {"compute", "vmId"});
  if (!is_name(identity.region)) return lacks(kWhat, "compute.location");
  if (!is_name(identity.instance_id)) return lacks(kWhat, "compute.vmId");
  identity.zone = text_at(answer, {"compute", "zone"});
  identity.instance_type = detail(text_at(answer, {"compute", "vmSize"}));
  identity.account = detail(text_at(answer, {"compute", "subscriptionId"}));
  add_attribute(identity, "subscription", identity.account);
  add_attribute(identity, "resource_group", text_at(answer, {"compute", "resourceGroupName"}));
  add_attribute(identity, "name", text_at(answer, {"compute", "name"}));
  add_attribute(identity, "resource_id", text_at(answer, {"compute", "resourceId"}));
  add_attribute(identity, "scale_set", text_at(answer, {"compute", "vmScaleSetName"}));
  add_attribute(identity, "environment", text_at(answer, {"compute", "azEnvironment"}));
  return with_usable_zone(std::move(identity), kWhat);
}

asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  for (std::size_t i = 0;; ++i) {
    http::Headers headers = {{"Metadata", "true"}};
    std::string method = "GET";
    std::string path = kPaths[i];
    auto answer = co_await metadata.fetch(std::move(method), std::move(path), std::move(headers), kWithin);
    if (answer && answer.value().status == 400 && i + 1 < kPaths.size()) continue;
    const std::string request = "GET " + metadata.base() + kPaths[i];
    BOOST_OUTCOME_CO_TRY(const auto text, text_of(std::move(answer), request));
    co_return parse_identity(text);
  }
}

}  // namespace mooring::backends::azure
