// What the configuration says, and how it wins over what was detected.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "backends/identify.h"

namespace mooring::backends {
namespace {

Identity detected() {
  Identity identity;
  identity.provider = "aws";
  identity.region = "us-east-1";
  identity.zone = "us-east-1a";
  identity.zone_id = "use1-az4";
  identity.instance_id = "i-0abc";
  identity.instance_type = "m6i.large";
  identity.attributes = {{"dns_suffix", "amazonaws.com"}, {"partition", "aws"}, {"hypervisor", "nitro"}};
  identity.source = "metadata at http://169.254.169.254";
  return identity;
}

TEST(Overridden, nothing_set_changes_nothing) { EXPECT_EQ(overridden(detected(), {}), detected()); }

TEST(Overridden, what_is_set_to_what_was_found_changes_nothing) {
  IdentitySettings settings;
  settings.provider = "aws";
  settings.region = "us-east-1";
  settings.zone = "us-east-1a";
  EXPECT_EQ(overridden(detected(), settings), detected());
}

TEST(Overridden, another_region_has_none_of_the_zones) {
  IdentitySettings settings;
  settings.region = "eu-west-1";
  const Identity identity = overridden(detected(), settings);
  EXPECT_EQ(identity.region, "eu-west-1");
  EXPECT_EQ(identity.zone, "");
  EXPECT_EQ(identity.zone_id, "");
  EXPECT_EQ(identity.instance_id, "i-0abc");
  EXPECT_EQ(identity.source, "metadata at http://169.254.169.254; region of the configuration");
}

TEST(Overridden, another_region_with_its_zone) {
  IdentitySettings settings;
  settings.region = "eu-west-1";
  settings.zone = "eu-west-1b";
  const Identity identity = overridden(detected(), settings);
  EXPECT_EQ(identity.zone, "eu-west-1b");
  EXPECT_EQ(identity.zone_id, "");
}

TEST(Overridden, another_zone_has_another_id) {
  IdentitySettings settings;
  settings.zone = "us-east-1b";
  const Identity identity = overridden(detected(), settings);
  EXPECT_EQ(identity.region, "us-east-1");
  EXPECT_EQ(identity.zone, "us-east-1b");
  EXPECT_EQ(identity.zone_id, "");
}

TEST(Overridden, another_partition_follows_from_the_region) {
  IdentitySettings settings;
  settings.region = "cn-north-1";
  const Identity identity = overridden(detected(), settings);
  EXPECT_EQ(identity.attributes.at("dns_suffix"), "amazonaws.com.cn");
  EXPECT_EQ(identity.attributes.at("partition"), "aws-cn");
  EXPECT_EQ(identity.attributes.at("hypervisor"), "nitro");
}

TEST(Overridden, another_instance) {
  IdentitySettings settings;
  settings.instance_id = "i-0def";
  const Identity identity = overridden(detected(), settings);
  EXPECT_EQ(identity.instance_id, "i-0def");
  EXPECT_EQ(identity.zone_id, "use1-az4");
}

TEST(Configured, auto_is_not) { EXPECT_FALSE(configured({})); }

TEST(Configured, local_has_a_default_for_everything) {
  IdentitySettings settings;
  settings.provider = "local";
  const Identity identity = configured(settings).value();
  EXPECT_EQ(identity.provider, "local");
  EXPECT_EQ(identity.region, "local");
  EXPECT_EQ(identity.zone, "");
  EXPECT_NE(identity.instance_id, "");
  EXPECT_EQ(identity.source, "configuration");
}

TEST(Configured, local_takes_what_is_set) {
  IdentitySettings settings;
  settings.provider = "local";
  settings.region = "eu-west-1";
  settings.zone = "eu-west-1a";
  settings.instance_id = "node-7";
  const Identity identity = configured(settings).value();
  EXPECT_EQ(identity.region, "eu-west-1");
  EXPECT_EQ(identity.zone, "eu-west-1a");
  EXPECT_EQ(identity.instance_id, "node-7");
}

TEST(Configured, a_cloud_needs_region_and_instance) {
  IdentitySettings settings;
  settings.provider = "aws";
  EXPECT_FALSE(configured(settings));
  settings.region = "cn-north-1";
  EXPECT_FALSE(configured(settings));
  settings.instance_id = "i-0abc";
  const Identity identity = configured(settings).value();
  EXPECT_EQ(identity.provider, "aws");
  EXPECT_EQ(identity.attributes.at("dns_suffix"), "amazonaws.com.cn");
}

TEST(Configured, a_cloud_without_metadata_needs_only_its_region) {
  for (const char* provider : {"lambda", "vast"}) {
    IdentitySettings settings;
    settings.provider = provider;
    EXPECT_FALSE(configured(settings));
    settings.region = "us-west-1";
    const Identity identity = configured(settings).value();
    EXPECT_EQ(identity.provider, provider);
    EXPECT_EQ(identity.region, "us-west-1");
    EXPECT_NE(identity.instance_id, "");
  }
}

TEST(Configured, what_nobody_knows_is_not) {
  IdentitySettings settings;
  settings.provider = "awss";
  settings.region = "us-east-1";
  settings.instance_id = "i-0abc";
  EXPECT_FALSE(configured(settings));
}

TEST(KnownProviders, are_those_that_a_configuration_may_name) {
  const auto& known = known_providers();
  for (const char* name : {"auto", "local", "aws", "gcp", "azure", "oci", "digitalocean", "hetzner", "vultr",
                           "scaleway", "linode", "openstack", "runpod", "nebius", "lambda", "vast"})
    EXPECT_EQ(std::count(known.begin(), known.end(), name), 1) << name;
  EXPECT_EQ(known.size(), 16U);
}

}  // namespace
}  // namespace mooring::backends
