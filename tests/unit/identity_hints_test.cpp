// What the hints of a machine tell, over all recordings of machines; and that they tell it without network.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "backends/aws/identity.h"
#include "backends/clouds.h"
#include "backends/hints.h"
#include "backends/identify.h"

namespace mooring::backends {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Environment environment_of(const fs::path& path) {
  Environment environment;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    environment[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  return environment;
}

std::string with_root(std::string text, const std::string& root) {
  constexpr std::string_view kPlace = "{root}";
  const auto at = text.find(kPlace);
  return at == std::string::npos ? text : text.replace(at, kPlace.size(), root);
}

std::vector<fs::path> recordings() {
  std::vector<fs::path> found;
  for (const auto& cloud : fs::directory_iterator(MOORING_RECORDINGS)) {
    if (!cloud.is_directory()) continue;
    for (const auto& one : fs::directory_iterator(cloud)) found.push_back(one.path());
  }
  return found;
}

class Recorded : public testing::TestWithParam<fs::path> {};

TEST_P(Recorded, hints_tell_which_cloud_it_is) {
  const std::string root = GetParam() / "root";
  IdentitySettings settings;
  settings.hints_root = root;
  const auto hint = hinted(settings, environment_of(GetParam() / "environment"));
  const json::value expected = json::parse(read(GetParam() / "identity.json"));
  const json::value& wanted = expected.at("hint");
  ASSERT_EQ(hint.has_value(), !wanted.is_null()) << (hint ? hint->seen : "");
  if (!hint) return;
  EXPECT_EQ(hint->provider, wanted.at("provider").as_string());
  EXPECT_EQ(hint->seen, with_root(std::string(wanted.at("seen").as_string()), root));
}

TEST_P(Recorded, at_most_one_cloud_claims_a_machine) {
  const Hints hints = read_hints(GetParam() / "root", environment_of(GetParam() / "environment"));
  std::vector<std::string_view> claims;
  for (const Cloud& cloud : clouds())
    if (cloud.seen != nullptr && !cloud.seen(hints).empty()) claims.push_back(cloud.name);
  // But a container sees the DMI of its host.
  if (GetParam().filename() == "pod-on-a-cloud-host") return;
  EXPECT_LE(claims.size(), 1U) << testing::PrintToString(claims);
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.parent_path().filename().string() + "_" + info.param.filename().string();
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(all, Recorded, testing::ValuesIn(recordings()), test_name);

TEST(Hints, every_cloud_has_a_recording) {
  for (const Cloud& cloud : clouds())
    if (cloud.ask != nullptr) EXPECT_TRUE(fs::is_directory(fs::path(MOORING_RECORDINGS) / cloud.name)) << cloud.name;
}

TEST(Hints, a_root_that_is_not_there_has_none) {
  IdentitySettings settings;
  settings.hints_root = "/nonexistent";
  EXPECT_FALSE(hinted(settings, {}));
}

TEST(Hints, the_environment_comes_before_dmi) {
  IdentitySettings settings;
  settings.hints_root = fs::path(MOORING_RECORDINGS) / "aws/nitro/root";
  EXPECT_EQ(hinted(settings, {{"RUNPOD_POD_ID", "abc"}}).value().provider, "runpod");
  EXPECT_EQ(hinted(settings, {{"RUNPOD_POD_ID", ""}}).value().provider, "aws");
}

TEST(Hints, the_configuration_comes_before_everything) {
  IdentitySettings settings;
  settings.hints_root = fs::path(MOORING_RECORDINGS) / "aws/nitro/root";
  settings.provider = "openstack";
  const auto hint = hinted(settings, {{"RUNPOD_POD_ID", "abc"}}).value();
  EXPECT_EQ(hint.provider, "openstack");
  EXPECT_EQ(hint.seen, "configuration");
}

TEST(Hints, our_own_variables_come_before_those_of_process_one) {
  const Hints hints =
      read_hints(fs::path(MOORING_RECORDINGS) / "runpod/variables-of-process-one/root", {{"RUNPOD_DC_ID", "EU-CZ-1"}});
  EXPECT_EQ(variable(hints.environment, "RUNPOD_DC_ID"), "EU-CZ-1");
  EXPECT_EQ(variable(hints.environment, "RUNPOD_POD_ID"), "xedezhzb9la3ye");
}

TEST(Hints, keys_of_process_one_are_left_where_they_are) {
  const Hints hints = read_hints(fs::path(MOORING_RECORDINGS) / "runpod/variables-of-process-one/root", {});
  EXPECT_EQ(hints.environment.count("RUNPOD_API_KEY"), 0U);
}

TEST(Hints, a_uuid_that_begins_with_ec2_is_not_enough) {
  Hints hints;
  hints.dmi.product_uuid = "ec2f7f0a-2b4e-4f0e-9d55-0d6a7bdf3f01";
  EXPECT_EQ(aws::seen(hints), "");
  hints.dmi.product_serial = "EC2F7F0A-2B4E-4F0E-9D55-0D6A7BDF3F01";
  EXPECT_EQ(aws::seen(hints), "");  // as OpenStack has it, and KVM with `sysinfo`
  hints.hypervisor_uuid = "0a1b20ec-2b4e-4f0e-9d55-0d6a7bdf3f01";
  EXPECT_EQ(aws::seen(hints), "");
  hints.hypervisor_uuid.clear();
  hints.dmi.bios_version = "4.2.amazon";
  EXPECT_NE(aws::seen(hints), "");
}

TEST(Hints, no_uuid_and_no_serial_are_not_the_same_one) {
  Hints hints;
  hints.dmi.product_name = "HVM domU";
  EXPECT_EQ(aws::seen(hints), "");
}

TEST(Hints, the_hypervisor_of_ec2_is_told_where_it_shows) {
  Hints hints;
  EXPECT_EQ(aws::hypervisor_of(hints), "");
  hints.hypervisor_type = "xen";
  EXPECT_EQ(aws::hypervisor_of(hints), "xen");
  hints.hypervisor_type.clear();
  hints.dmi.sys_vendor = "Amazon EC2";
  EXPECT_EQ(aws::hypervisor_of(hints), "nitro");
}

}  // namespace
}  // namespace mooring::backends
