// What metadata services answer, and what is no answer of theirs. Whole recordings are in tests/interop.
#include <string>

#include <gtest/gtest.h>

#include "backends/answer.h"
#include "backends/aws/identity.h"
#include "backends/aws/partition.h"
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

aws::Answers document(const std::string& region, const std::string& zone) {
  aws::Answers answers;
  answers.document =
      R"({"accountId": "123456789012", "instanceId": "i-0abc", "instanceType": "m6i.large", "region": ")" + region +
      R"(", "availabilityZone": ")" + zone + R"("})";
  return answers;
}

TEST(Aws, the_region_is_never_made_of_the_zone) {
  const auto identity = aws::parse_identity(document("us-west-2", "us-west-2-lax-1a")).value();
  EXPECT_EQ(identity.region, "us-west-2");
  EXPECT_EQ(identity.zone, "us-west-2-lax-1a");
}

TEST(Aws, the_zone_id_is_taken_where_it_is_given) {
  aws::Answers answers = document("us-east-1", "us-east-1a");
  EXPECT_EQ(aws::parse_identity(answers).value().zone_id, "");
  answers.zone_id = "use1-az4\n";
  EXPECT_EQ(aws::parse_identity(answers).value().zone_id, "use1-az4");
  answers.zone_id = "<html>not found</html>";
  EXPECT_EQ(aws::parse_identity(answers).value().zone_id, "");
}

TEST(Aws, the_dns_suffix_is_that_of_the_service_or_follows_from_the_region) {
  aws::Answers answers = document("us-iso-west-1", "us-iso-west-1a");
  EXPECT_EQ(aws::parse_identity(answers).value().attributes.at("dns_suffix"), "c2s.ic.gov");
  answers.domain = "example.gov\n";
  EXPECT_EQ(aws::parse_identity(answers).value().attributes.at("dns_suffix"), "example.gov");
}

TEST(Aws, what_is_no_domain_gets_no_signed_requests) {
  for (const char* text :
       {"evil.example/path", "user@evil.example", "evil.example:8443", "", ".", "a..b", "localhost", "-a.b"}) {
    aws::Answers answers = document("us-east-1", "us-east-1a");
    answers.domain = text;
    EXPECT_EQ(aws::parse_identity(answers).value().attributes.at("dns_suffix"), "amazonaws.com") << text;
  }
}

TEST(Aws, partitions_by_region) {
  const auto both = [](const char* region) { return aws::partition_of(region) + " " + aws::dns_suffix_of(region); };
  EXPECT_EQ(both("us-east-1"), "aws amazonaws.com");
  EXPECT_EQ(both("eu-west-1"), "aws amazonaws.com");
  EXPECT_EQ(both("cn-northwest-1"), "aws-cn amazonaws.com.cn");
  EXPECT_EQ(both("us-gov-east-1"), "aws-us-gov amazonaws.com");
  EXPECT_EQ(both("us-iso-east-1"), "aws-iso c2s.ic.gov");
  EXPECT_EQ(both("us-isob-east-1"), "aws-iso-b sc2s.sgov.gov");
  EXPECT_EQ(both("eu-isoe-west-1"), "aws-iso-e cloud.adc-e.uk");
  EXPECT_EQ(both("us-isof-south-1"), "aws-iso-f csp.hci.ic.gov");
  EXPECT_EQ(both("eusc-de-east-1"), "aws-eusc amazonaws.eu");
}

TEST(Gcp, zone_and_region_are_of_the_last_element) {
  const gcp::Answers answers{.zone = "projects/42/zones/northamerica-northeast1-a",
                             .id = "1",
                             .project_id = "p",
                             .name = "n",
                             .machine_type = "projects/42/machineTypes/e2-small"};
  const auto identity = gcp::parse_identity(answers).value();
  EXPECT_EQ(identity.zone, "northamerica-northeast1-a");
  EXPECT_EQ(identity.region, "northamerica-northeast1");
  EXPECT_EQ(identity.instance_type, "e2-small");
  EXPECT_EQ(identity.attributes.at("project_number"), "42");
}

TEST(Gcp, a_detail_that_cannot_be_shown_is_left_out) {
  const gcp::Answers answers{.zone = "projects/4\n2/zones/us-central1-a",
                             .id = "1",
                             .project_id = "p",
                             .name = std::string("a\0b", 3),
                             .machine_type = "e2\x1b[2J"};
  const auto identity = gcp::parse_identity(answers).value();
  EXPECT_EQ(identity.zone, "us-central1-a");
  EXPECT_EQ(identity.instance_type, "");
  EXPECT_FALSE(identity.attributes.contains("name"));
  EXPECT_FALSE(identity.attributes.contains("project_number"));
}

TEST(Azure, a_detail_that_cannot_be_shown_is_left_out) {
  const auto identity =
      azure::parse_identity(
          R"({"compute": {"location": "westus2", "vmId": "x", "vmSize": "a\u001b[2J", "subscriptionId": "s\n"}})")
          .value();
  EXPECT_EQ(identity.instance_type, "");
  EXPECT_EQ(identity.account, "");
  EXPECT_FALSE(identity.attributes.contains("subscription"));
}

TEST(Azure, a_name_in_any_language_is_a_detail) {
  const auto identity =
      azure::parse_identity(R"({"compute": {"location": "westus2", "vmId": "x", "name": "möwe-雪"}})").value();
  EXPECT_EQ(identity.attributes.at("name"), "möwe-雪");
}

TEST(Gcp, only_google_answers_with_its_flavor) {
  http::Response response{.status = 200, .headers = {}, .body = "projects/42/zones/us-central1-a"};
  EXPECT_FALSE(gcp::value_of(response, "GET x"));
  response.headers = {{"metadata-flavor", "Google"}};
  EXPECT_TRUE(gcp::value_of(response, "GET x"));
  response.status = 404;
  EXPECT_EQ(gcp::value_of(response, "GET x").error().code, Errc::not_found);
}

TEST(Azure, zones_are_named_as_disks_name_them) {
  const auto zone = [](const std::string& text) {
    return azure::parse_identity(R"({"compute": {"location": "westus2", "vmId": "x", "zone": )" + text + "}}")
        .value()
        .zone;
  };
  EXPECT_EQ(zone(R"("2")"), "2");
  EXPECT_EQ(zone("2"), "2");
  EXPECT_EQ(zone(R"("")"), "");
  EXPECT_EQ(zone("null"), "");
}

TEST(Oci, the_region_is_the_canonical_one) {
  const auto region = [](const std::string& fields) {
    return oci::parse_identity(R"({"id": "ocid1.instance.oc1.x", )" + fields + "}").value().region;
  };
  EXPECT_EQ(region(R"("region": "phx", "canonicalRegionName": "us-phoenix-1")"), "us-phoenix-1");
  EXPECT_EQ(region(R"("region": "phx", "regionInfo": {"regionIdentifier": "us-phoenix-1"})"), "us-phoenix-1");
  EXPECT_EQ(region(R"("region": "iad")"), "us-ashburn-1");
  EXPECT_EQ(region(R"("region": "sa-saopaulo-1")"), "sa-saopaulo-1");
}

TEST(Hetzner, a_zone_that_is_no_name_is_not_taken) {
  EXPECT_FALSE(hetzner::parse_identity("instance-id: 42\navailability-zone: hel1-dc\x12\n"));
}

TEST(Hetzner, the_region_is_the_location) {
  const auto identity =
      hetzner::parse_identity("instance-id: 42\navailability-zone: hel1-dc2\nregion: eu-central\n").value();
  EXPECT_EQ(identity.region, "hel1");
  EXPECT_EQ(identity.attributes.at("network_zone"), "eu-central");
  EXPECT_EQ(hetzner::parse_identity("instance-id: 42\navailability-zone: sin\n").value().region, "sin");
}

TEST(Hetzner, what_is_no_yaml_is_no_answer) {
  EXPECT_FALSE(hetzner::parse_identity("a: [b"));
  EXPECT_FALSE(hetzner::parse_identity("just text"));
  EXPECT_FALSE(hetzner::parse_identity("availability-zone: {a: b}\ninstance-id: 42"));
}

TEST(Vultr, the_region_is_in_small_letters) {
  EXPECT_EQ(vultr::parse_identity(R"({"instance-v2-id": "x", "region": {"regioncode": "EWR"}})").value().region, "ewr");
}

TEST(Vultr, the_number_of_the_first_api_is_no_id) {
  EXPECT_FALSE(vultr::parse_identity(R"({"instanceid": "42", "region": {"regioncode": "EWR"}})"));
}

TEST(Scaleway, the_region_is_the_zone_without_its_number) {
  const auto parse = [](const std::string& fields) {
    return scaleway::parse_identity(R"({"id": "x", )" + fields + "}").value();
  };
  EXPECT_EQ(parse(R"("location": {"zone_id": "fr-par-2"})").region, "fr-par");
  EXPECT_EQ(parse(R"("location": {"zone_id": "par1"})").zone, "fr-par-1");
  EXPECT_EQ(parse(R"("zone": "nl-ams-3")").region, "nl-ams");
}

TEST(DigitalOcean, the_id_may_be_a_number) {
  EXPECT_EQ(digitalocean::parse_identity(R"({"droplet_id": 22532410, "region": "nyc3"})").value().instance_id,
            "22532410");
  EXPECT_EQ(digitalocean::parse_identity(R"({"droplet_id": "22532410", "region": "nyc3"})").value().instance_id,
            "22532410");
}

TEST(OpenStack, the_region_may_be_unknown) {
  const std::string json = R"({"uuid": "x", "availability_zone": "nova"})";
  EXPECT_EQ(openstack::parse_identity(json, {}).value().region, "");
  EXPECT_EQ(openstack::parse_identity(json, {{"OS_REGION_NAME", "RegionOne"}}).value().region, "RegionOne");
}

TEST(RunPod, what_it_says_of_itself_has_to_be_names) {
  for (const char* const key : {"RUNPOD_POD_ID", "RUNPOD_DC_ID", "RUNPOD_VOLUME_ID"}) {
    Environment environment{{"RUNPOD_POD_ID", "a"}, {"RUNPOD_DC_ID", "EU-RO-1"}, {"RUNPOD_VOLUME_ID", "agv6w2qcg7"}};
    EXPECT_TRUE(runpod::parse_identity(environment)) << key;
    environment[key] = "../a b\x1b[2J";
    EXPECT_FALSE(runpod::parse_identity(environment)) << key;
  }
}

TEST(RunPod, the_key_does_not_leave_the_environment) {
  const Environment environment = {
      {"RUNPOD_POD_ID", "a"}, {"RUNPOD_DC_ID", "EU-RO-1"}, {"RUNPOD_API_KEY", "rpa_secret"}};
  const auto identity = runpod::parse_identity(environment).value();
  EXPECT_EQ(identity.region, "EU-RO-1");
  EXPECT_TRUE(identity.attributes.empty());
}

TEST(Answers, what_is_not_a_clouds_is_an_error_that_says_what_is_wrong) {
  const auto problems = [](const std::string& text) {
    return std::vector<Result<Identity>>{
        aws::parse_identity({.document = text, .zone_id = {}, .domain = {}, .partition = {}}),
        azure::parse_identity(text),
        oci::parse_identity(text),
        digitalocean::parse_identity(text),
        vultr::parse_identity(text),
        scaleway::parse_identity(text),
        linode::parse_identity(text),
        nebius::parse_identity(text),
        openstack::parse_identity(text, {}),
        hetzner::parse_identity(text)};
  };
  const std::string deep = std::string(10000, '[');
  for (const std::string& text : {std::string(), std::string("<html></html>"), std::string("[]"), std::string("{}"),
                                  std::string(R"({"region": "us-east-1"})"), std::string("{\"id\": \"a b\"}"), deep}) {
    for (const auto& result : problems(text)) {
      ASSERT_FALSE(result) << text.substr(0, 40);
      EXPECT_EQ(result.error().code, Errc::unavailable);
      EXPECT_NE(result.error().message, "");
    }
  }
}

TEST(Answers, an_answer_never_gets_into_the_error) {
  const std::string secret = "sekrit";
  EXPECT_EQ(aws::parse_identity({.document = secret, .zone_id = {}, .domain = {}, .partition = {}})
                .error()
                .message.find(secret),
            std::string::npos);
  EXPECT_EQ(hetzner::parse_identity("a: [" + secret).error().message.find(secret), std::string::npos);
}

TEST(Answers, names_have_nothing_in_them_that_would_not_fit_a_header) {
  EXPECT_TRUE(is_name("us-east-1"));
  EXPECT_TRUE(is_name("Uocm:PHX-AD-1"));
  for (const char* text : {"", " ", "a b", "a\r\nb", "a\"b", "<a>", "\xc3\xa4"}) EXPECT_FALSE(is_name(text)) << text;
  EXPECT_FALSE(is_name(std::string(257, 'a')));
}

}  // namespace
}  // namespace mooring::backends
