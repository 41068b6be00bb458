// The metadata documents of every cloud. First byte: which one. Parts of an answer are separated by a NUL.
#include <array>
#include <string>

#include "backends/answer.h"
#include "backends/aws/identity.h"
#include "backends/azure/identity.h"
#include "backends/digitalocean/identity.h"
#include "backends/gcp/identity.h"
#include "backends/hetzner/identity.h"
#include "backends/linode/identity.h"
#include "backends/nebius/identity.h"
#include "backends/oci/identity.h"
#include "backends/openstack/identity.h"
#include "backends/runpod/identity.h"
#include "backends/scaleway/identity.h"
#include "backends/vultr/identity.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace mooring::backends;

Result<Identity> identity_of(char which, const std::array<std::string, 5>& parts) {
  switch (which) {
    case 'w':
      return aws::parse_identity({parts[0], parts[1], parts[2], parts[3]});
    case 'a':
      return azure::parse_identity(parts[0]);
    case 'd':
      return digitalocean::parse_identity(parts[0]);
    case 'g':
      return gcp::parse_identity({parts[0], parts[1], parts[2], parts[3], parts[4]});
    case 'h':
      return hetzner::parse_identity(parts[0]);
    case 'l':
      return linode::parse_identity(parts[0]);
    case 'n':
      return nebius::parse_identity(parts[0]);
    case 'o':
      return oci::parse_identity(parts[0]);
    case 's':
      return openstack::parse_identity(parts[0], {{"OS_REGION_NAME", parts[1]}});
    case 'r':
      return runpod::parse_identity({{"RUNPOD_POD_ID", parts[0]}, {"RUNPOD_DC_ID", parts[1]}});
    case 'c':
      return scaleway::parse_identity(parts[0]);
    default:
      return vultr::parse_identity(parts[0]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::fuzz;
  if (size == 0) return 0;
  std::array<std::string, 5> parts;
  std::size_t part = 0;
  for (const char letter : text_of(data + 1, size - 1)) {
    if (letter == '\0' && part + 1 < parts.size())
      ++part;
    else
      parts[part] += letter;
  }
  const auto identity = identity_of(static_cast<char>(data[0]), parts);
  if (!identity) {
    expect_printable(identity.error().message);
    return 0;
  }
  const Identity& here = identity.value();
  for (const auto* name :
       {&here.region, &here.zone, &here.zone_id, &here.instance_id, &here.instance_type, &here.account, &here.source})
    expect_printable(*name);
  // They become parts of host names and of URLs.
  for (const auto* name : {&here.region, &here.zone, &here.instance_id})
    expect(name->empty() || is_name(*name), "what tells where this is, is a name", *name);
  for (const auto& [name, value] : here.attributes) expect_printable(value);
  return 0;
}
