#include "backends/clouds.h"

#include <algorithm>

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

namespace mooring::backends {
namespace {

constexpr const char* kLinkLocal = "http://169.254.169.254";

std::vector<Cloud> table() {
  return {
      // Hints of a container or of a mounted directory come before DMI, which is that of the host.
      {"runpod", runpod::seen, runpod::ask, {}},
      {"nebius", nebius::seen, nebius::ask, {kLinkLocal, "http://metadata.nebius.internal"}},
      {"aws", aws::seen, aws::ask, {kLinkLocal, "http://[fd00:ec2::254]"}, aws::follow_region, aws::follow_hints},
      {"gcp", gcp::seen, gcp::ask, {kLinkLocal, "http://[fd20:ce::254]"}},
      {"azure", azure::seen, azure::ask, {kLinkLocal}},
      {"oci", oci::seen, oci::ask, {kLinkLocal, "http://[fd00:c1::a9fe:a9fe]"}},
      {"digitalocean", digitalocean::seen, digitalocean::ask, {kLinkLocal}},
      {"hetzner", hetzner::seen, hetzner::ask, {kLinkLocal}},
      {"vultr", vultr::seen, vultr::ask, {kLinkLocal}},
      {"scaleway", scaleway::seen, scaleway::ask, {"http://169.254.42.42", "http://[fd00:42::42]"}},
      {"linode", linode::seen, linode::ask, {kLinkLocal, "http://[fd00:a9fe:a9fe::1]"}},
      {"openstack", openstack::seen, openstack::ask, {kLinkLocal}},
      // Neither says where it is.
      {"lambda"},
      {"vast"},
  };
}

}  // namespace

const std::vector<Cloud>& clouds() {
  static const std::vector<Cloud> kClouds = table();
  return kClouds;
}

const Cloud* find_cloud(std::string_view name) {
  const auto& all = clouds();
  const auto found = std::find_if(all.begin(), all.end(), [name](const Cloud& cloud) { return cloud.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace mooring::backends
