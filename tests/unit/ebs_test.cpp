// EBS volumes as EC2 tells of them: pure parts of backends/aws.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "backends/aws/description.h"
#include "backends/aws/device_names.h"
#include "backends/aws/ec2_answers.h"
#include "backends/aws/ec2_errors.h"

namespace mooring::backends::aws {
namespace {

constexpr const char* kVolumes = R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeVolumesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
  <volumeSet>
    <item><volumeId>vol-0a1</volumeId><size>500</size><availabilityZone>us-east-1a</availabilityZone>
      <availabilityZoneId>use1-az4</availabilityZoneId><status>in-use</status>
      <multiAttachEnabled>true</multiAttachEnabled>
      <attachmentSet><item><volumeId>vol-0a1</volumeId><instanceId>i-1</instanceId><device>/dev/sdh</device>
        <status>attached</status></item></attachmentSet>
      <tagSet><item><key>Name</key><value>data &amp; more</value></item></tagSet></item>
    <item><volumeId>vol-0a2</volumeId><size>1</size><availabilityZone>us-east-1b</availabilityZone>
      <status>available</status><attachmentSet/></item>
  </volumeSet>
  <nextToken>more</nextToken>
</DescribeVolumesResponse>)";

TEST(Ec2Answers, volumes_with_their_attachments_and_tags) {
  const auto page = parse_volumes(kVolumes);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->volumes.size(), 2U);
  EXPECT_EQ(page->next_token, "more");
  const VolumeAnswer& volume = page->volumes[0];
  EXPECT_EQ(volume.id, "vol-0a1");
  EXPECT_EQ(volume.size, 500ULL << 30U);
  EXPECT_EQ(volume.zone, "us-east-1a");
  EXPECT_EQ(volume.zone_id, "use1-az4");
  EXPECT_TRUE(volume.multi_attach);
  ASSERT_EQ(volume.attachments.size(), 1U);
  EXPECT_EQ(volume.attachments[0].instance, "i-1");
  EXPECT_EQ(volume.attachments[0].device, "/dev/sdh");
  EXPECT_EQ(volume.attachments[0].state, "attached");
  EXPECT_EQ(volume.tags.at("Name"), "data & more");
  EXPECT_FALSE(page->volumes[1].multi_attach);
}

TEST(Ec2Answers, of_what_is_cut_off_nothing_is_believed) {
  const std::string whole = kVolumes;
  for (std::size_t length = 0; length < whole.size() - 30; length += 7)
    EXPECT_FALSE(parse_volumes(whole.substr(0, length))) << length;
  EXPECT_FALSE(parse_volumes("<html>proxy</html>"));
  EXPECT_FALSE(parse_volumes("<DescribeVolumesResponse/>"));
  EXPECT_FALSE(is_answer_to("AttachVolume", "<AttachVolumeResponse><status>atta"));
  EXPECT_FALSE(is_answer_to("AttachVolume", "<DetachVolumeResponse/>"));
  EXPECT_TRUE(is_answer_to("AttachVolume", "<AttachVolumeResponse/>"));
}

TEST(Ec2Answers, errors) {
  const auto error = parse_error(
      "<Response><Errors><Error><Code>VolumeInUse</Code><Message>vol-1 is already attached to an instance</Message>"
      "</Error></Errors><RequestID>req-1</RequestID></Response>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "VolumeInUse");
  EXPECT_EQ(sentence(*error), "EC2 says VolumeInUse: vol-1 is already attached to an instance (request req-1)");
  EXPECT_FALSE(parse_error("<Response><Errors/></Response>"));
}

TEST(Ec2Errors, mean_what_the_facts_say) {
  EXPECT_EQ(meaning_of(400, "VolumeInUse").errc, Errc::in_use);
  EXPECT_EQ(meaning_of(400, "InvalidVolume.ZoneMismatch").errc, Errc::wrong_zone);
  EXPECT_EQ(meaning_of(400, "InvalidVolume.NotFound").errc, Errc::not_found);
  EXPECT_EQ(meaning_of(400, "AttachmentLimitExceeded").errc, Errc::no_slot);
  EXPECT_EQ(meaning_of(400, "IncorrectState").errc, Errc::not_ready);
  EXPECT_EQ(meaning_of(403, "UnauthorizedOperation").errc, Errc::denied);
  EXPECT_EQ(meaning_of(401, "AuthFailure").errc, Errc::denied);
  EXPECT_EQ(meaning_of(400, "ExpiredToken").remedy, Remedy::new_credentials);
  EXPECT_EQ(meaning_of(400, "RequestExpired").remedy, Remedy::new_credentials);
  EXPECT_EQ(meaning_of(503, "RequestLimitExceeded").remedy, Remedy::wait);
  EXPECT_EQ(meaning_of(500, "").remedy, Remedy::wait);
  EXPECT_EQ(meaning_of(503, "").errc, Errc::unavailable);
  EXPECT_EQ(meaning_of(400, "SomethingNew").errc, Errc::attach_failed);
  EXPECT_EQ(meaning_of(400, "SomethingNew").remedy, Remedy::none);
}

TEST(Ec2Errors, a_sentence_has_nothing_secret_nor_endless_in_it) {
  EXPECT_EQ(sentence({"SignatureDoesNotMatch", "canonical: x-amz-security-token:SECRET", ""}).find("SECRET"),
            std::string::npos);
  EXPECT_EQ(sentence({"UnauthorizedOperation", "not authorized. Encoded authorization failure message: BLOB", ""}),
            "EC2 says UnauthorizedOperation: not authorized.; the role or key has to allow ec2:DescribeVolumes, "
            "ec2:AttachVolume and ec2:DetachVolume");
  EXPECT_LT(sentence({"X", std::string(10000, 'x'), ""}).size(), 400U);
}

TEST(Ec2Errors, a_taken_device_name_is_told_from_other_bad_values) {
  EXPECT_TRUE(is_device_name_in_use(
      {"InvalidParameterValue",
       "Invalid value '/dev/xvdba' for unixDevice. Attachment point /dev/xvdba is already in use", ""}));
  EXPECT_FALSE(is_device_name_in_use({"InvalidParameterValue", "Value (x) for parameter device is invalid.", ""}));
}

using Names = DeviceNames;
const Names::Time kNow{};

TEST(DeviceNamesTest, no_two_volumes_get_the_same) {
  Names names;
  std::set<std::string> all;
  for (int i = 0; i < 87; ++i) {
    const auto name = names.reserve("vol-" + std::to_string(i), kNow);
    ASSERT_TRUE(name) << i;
    EXPECT_TRUE(all.insert(*name).second) << *name;
  }
  EXPECT_FALSE(names.reserve("vol-x", kNow));
}

TEST(DeviceNamesTest, one_that_was_given_back_is_the_last_to_be_used_again) {
  Names names;
  const auto first = names.reserve("vol-1", kNow);
  names.release("vol-1", false, kNow);
  for (int i = 0; i < 86; ++i) EXPECT_NE(names.reserve("vol-" + std::to_string(i + 2), kNow), first);
  EXPECT_EQ(names.reserve("vol-x", kNow), first);
}

TEST(DeviceNamesTest, one_under_which_no_device_came_is_avoided_for_an_hour) {  // rule 19
  Names names;
  const auto bad = names.reserve("vol-1", kNow);
  names.release("vol-1", true, kNow);
  for (int i = 0; i < 86; ++i) EXPECT_NE(names.reserve("vol-" + std::to_string(i + 2), kNow), bad);
  EXPECT_FALSE(names.reserve("vol-x", kNow + std::chrono::minutes(59)));
  EXPECT_EQ(names.reserve("vol-x", kNow + std::chrono::minutes(61)), bad);
}

TEST(DeviceNamesTest, what_ec2_says_is_taken_is_not_asked_for) {
  Names names;
  names.learn("vol-9", "/dev/xvdba");
  EXPECT_EQ(names.reserve("vol-1", kNow), "/dev/xvdbb");
  names.avoid("/dev/xvdbc", kNow);
  EXPECT_EQ(names.reserve("vol-2", kNow), "/dev/xvdbd");
}

Identity here() {
  Identity identity;
  identity.provider = "aws";
  identity.region = "us-east-1";
  identity.zone = "us-east-1a";
  identity.zone_id = "use1-az4";
  identity.instance_id = "i-here";
  return identity;
}

VolumeAnswer volume(const std::string& id = "vol-0a1", const std::string& zone = "us-east-1a") {
  VolumeAnswer answer;
  answer.id = id;
  answer.state = "available";
  answer.zone = zone;
  answer.size = 1ULL << 30U;
  return answer;
}

VolumeAnswer attached(const std::string& instance, const std::string& state) {
  auto answer = volume();
  answer.state = "in-use";
  answer.attachments = {{instance, "/dev/sdh", state}};
  return answer;
}

TEST(EbsDescription, an_available_volume) {
  const auto description = describe({.name = "data"}, volume(), here());
  ASSERT_TRUE(description);
  EXPECT_EQ(description.value().attachment, Attachment::detached);
  EXPECT_EQ(description.value().volume.name, "data");
  EXPECT_EQ(description.value().volume.volume_id, "vol-0a1");
  EXPECT_EQ(description.value().volume.region, "us-east-1");
  ASSERT_TRUE(description.value().look);
  EXPECT_EQ(description.value().look->serial, "vol0a1");
  EXPECT_EQ(description.value().look->size, 1ULL << 30U);
}

TEST(EbsDescription, each_state_of_an_attachment) {
  const auto attachment = [](const std::string& instance, const std::string& state) {
    return describe({}, attached(instance, state), here()).value().attachment;
  };
  EXPECT_EQ(attachment("i-here", "attaching"), Attachment::arriving);
  EXPECT_EQ(attachment("i-here", "attached"), Attachment::here);
  EXPECT_EQ(attachment("i-here", "detaching"), Attachment::leaving);
  EXPECT_EQ(attachment("i-here", "busy"), Attachment::leaving);
  EXPECT_EQ(attachment("i-here", "detached"), Attachment::detached);
  EXPECT_EQ(attachment("i-other", "attaching"), Attachment::elsewhere);
  EXPECT_EQ(attachment("i-other", "detaching"), Attachment::elsewhere);
  EXPECT_EQ(attachment("i-other", "detached"), Attachment::detached);
  EXPECT_EQ(describe({}, attached("i-other", "attached"), here()).value().holder, "i-other");
}

TEST(EbsDescription, a_multi_attach_volume_can_be_had_beside_others) {
  auto answer = attached("i-other", "attached");
  answer.multi_attach = true;
  const auto description = describe({}, answer, here());
  EXPECT_EQ(description.value().attachment, Attachment::detached);
  EXPECT_EQ(description.value().holder, "i-other");
  EXPECT_TRUE(description.value().volume.shared);
}

TEST(EbsDescription, what_is_not_there_or_not_ready) {
  const auto error = [](const std::string& state) {
    auto answer = volume();
    answer.state = state;
    return describe({}, answer, here()).error().code;
  };
  EXPECT_EQ(error("creating"), Errc::not_ready);
  EXPECT_EQ(error("error"), Errc::not_ready);
  EXPECT_EQ(error("deleting"), Errc::not_found);
  EXPECT_EQ(error("deleted"), Errc::not_found);
}

TEST(EbsDescription, a_disk_of_a_xen_instance_is_known_by_its_name_and_size_once_it_is_attached) {
  auto xen = here();
  xen.attributes["hypervisor"] = "xen";
  EXPECT_FALSE(describe({}, volume(), xen).value().look);
  const auto look = describe({}, attached("i-here", "attached"), xen).value().look;
  ASSERT_TRUE(look);
  EXPECT_EQ(look->serial, "");
  EXPECT_EQ(look->links, std::vector<std::string>{"/dev/xvdh"});
  EXPECT_EQ(look->size, 1ULL << 30U);
  EXPECT_EQ(look_of("vol-0a1", 1, "/dev/xvdba", xen)->links, std::vector<std::string>{"/dev/xvdba"});
}

TEST(Pick, the_only_one) { EXPECT_EQ(pick("data", {volume()}, here()).value().id, "vol-0a1"); }

TEST(Pick, the_one_of_this_zone) {
  EXPECT_EQ(pick("data", {volume("vol-1", "us-east-1b"), volume("vol-2")}, here()).value().id, "vol-2");
  auto by_id = volume("vol-3", "us-east-1f");
  by_id.zone_id = "use1-az4";  // the same zone, under another name
  EXPECT_EQ(pick("data", {volume("vol-1", "us-east-1b"), by_id}, here()).value().id, "vol-3");
}

TEST(Pick, one_of_another_zone_so_that_it_can_be_said_where_it_is) {
  EXPECT_EQ(pick("data", {volume("vol-1", "us-east-1b"), volume("vol-2", "us-east-1c")}, here()).value().zone,
            "us-east-1b");
}

TEST(Pick, none_when_it_is_not_clear_which_is_meant) {
  const auto picked = pick("data", {volume("vol-1"), volume("vol-2")}, here());
  ASSERT_FALSE(picked);
  EXPECT_NE(picked.error().message.find("vol-1, vol-2"), std::string::npos);
}

TEST(Pick, not_what_is_being_deleted) {
  auto deleted = volume("vol-1");
  deleted.state = "deleting";
  EXPECT_EQ(pick("data", {deleted, volume("vol-2")}, here()).value().id, "vol-2");
  EXPECT_EQ(pick("data", {deleted}, here()).error().code, Errc::not_found);
}

TEST(VolumeId, is_told_from_other_texts) {
  EXPECT_TRUE(is_volume_id("vol-0123456789abcdef0"));
  for (const char* other : {"", "vol-", "vol-0g", "i-0123", "vol-012&Action=X", "vol-0123*", "VOL-0123"})
    EXPECT_FALSE(is_volume_id(other)) << other;
}

}  // namespace
}  // namespace mooring::backends::aws
