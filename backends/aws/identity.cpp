#include "backends/aws/identity.h"

#include <algorithm>
#include <utility>

#include "backends/answer.h"
#include "backends/aws/imds.h"
#include "backends/aws/partition.h"
#include "backends/http/text.h"

namespace mooring::backends::aws {
namespace {

constexpr std::string_view kVendor = "Amazon EC2";
constexpr std::string_view kDocument = "the instance identity document";

/// As the bytes were meant, or with those of the first field swapped, as some firmware has them (SMBIOS 2.6, 7.2.1).
bool is_ec2_uuid(std::string_view uuid) {
  constexpr std::size_t kFirstField = 8;
  const std::string text = http::lower(uuid.substr(0, kFirstField));
  return text.starts_with("ec2") || (text.size() == kFirstField && text[4] == '2' && text.ends_with("ec"));
}

bool is_amazon_xen(const Dmi& dmi) { return http::lower(dmi.bios_version).find("amazon") != std::string::npos; }

}  // namespace

std::string seen(const Hints& hints) {
  const Dmi& dmi = hints.dmi;
  if (dmi.sys_vendor == kVendor) return dmi_seen("sys_vendor", dmi.sys_vendor);
  if (dmi.bios_vendor == kVendor) return dmi_seen("bios_vendor", dmi.bios_vendor);
  // A paravirtual guest has no DMI at all.
  if (http::lower(hints.hypervisor_uuid).starts_with("ec2") && (dmi.bios_version.empty() || is_amazon_xen(dmi)))
    return "/sys/hypervisor/uuid '" + hints.hypervisor_uuid + "'";
  // A uuid alone begins so by chance, on one in two thousand machines of others.
  if (is_ec2_uuid(dmi.product_uuid) && is_amazon_xen(dmi)) return dmi_seen("product_uuid", dmi.product_uuid);
  return {};
}

std::string hypervisor_of(const Hints& hints) {
  if (hints.dmi.sys_vendor == kVendor || hints.dmi.bios_vendor == kVendor) return "nitro";
  if (hints.hypervisor_type == "xen" || hints.dmi.sys_vendor == "Xen") return "xen";
  return {};
}

void follow_hints(Identity& identity, const Hints& hints) {
  if (std::string hypervisor = hypervisor_of(hints); !hypervisor.empty())
    identity.attributes["hypervisor"] = std::move(hypervisor);
}

void follow_region(Identity& identity) {
  identity.attributes["partition"] = partition_of(identity.region);
  identity.attributes["dns_suffix"] = dns_suffix_of(identity.region);
}

Result<Identity> parse_identity(const Answers& answers) {
  BOOST_OUTCOME_TRY(const auto document, parse_object(answers.document, kDocument));
  Identity identity;
  identity.provider = "aws";
  identity.region = text_at(document, {"region"});
  identity.instance_id = text_at(document, {"instanceId"});
  if (!is_name(identity.region)) return lacks(kDocument, "region");
  if (!is_name(identity.instance_id)) return lacks(kDocument, "instanceId");
  identity.zone = text_at(document, {"availabilityZone"});
  identity.instance_type = detail(text_at(document, {"instanceType"}));
  identity.account = detail(text_at(document, {"accountId"}));
  if (const std::string zone_id = trimmed(answers.zone_id); is_name(zone_id)) identity.zone_id = zone_id;
  follow_region(identity);
  if (const std::string domain = trimmed(answers.domain); is_domain(domain)) identity.attributes["dns_suffix"] = domain;
  if (const std::string name = trimmed(answers.partition); is_name(name)) identity.attributes["partition"] = name;
  return with_usable_zone(std::move(identity), kDocument);
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints) {
  Imds imds(metadata);
  Answers answers;
  std::string path = "/latest/dynamic/instance-identity/document";
  BOOST_OUTCOME_CO_TRY(answers.document, co_await imds.get(std::move(path)));
  // What is no document of EC2 is no place to ask further.
  auto identity = parse_identity(answers);
  if (!identity) co_return identity;
  // Not there on every instance: without the zone's id, zones are compared by name; the rest follows from the region.
  path = "/latest/meta-data/placement/availability-zone-id";
  auto zone_id = co_await imds.get(std::move(path));
  if (!zone_id && zone_id.error().code != Errc::not_found) co_return std::move(zone_id).error();
  if (zone_id) answers.zone_id = std::move(zone_id).value();
  path = "/latest/meta-data/services/domain";
  auto domain = co_await imds.get(std::move(path));
  if (domain) answers.domain = std::move(domain).value();
  path = "/latest/meta-data/services/partition";
  auto partition = co_await imds.get(std::move(path));
  if (partition) answers.partition = std::move(partition).value();
  identity = parse_identity(answers);
  if (!identity) co_return identity;
  follow_hints(identity.value(), hints);
  co_return identity;
}

}  // namespace mooring::backends::aws
