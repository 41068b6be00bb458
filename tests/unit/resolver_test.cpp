#include "agent/decide/resolver.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mooring::agent::decide {
namespace {

backends::Identity here() {
  backends::Identity identity;
  identity.provider = "aws";
  identity.region = "us-east-1";
  identity.zone = "us-east-1a";
  return identity;
}

goal::Definition volume(const std::string& name, const std::string& backend, const std::string& region,
                        const std::string& zone = "") {
  goal::Definition definition;
  definition.name = name;
  definition.backend = backend;
  definition.region = region;
  definition.availability_zone = zone;
  return definition;
}

goal::Mount mount_of(std::vector<std::string> names) {
  goal::Mount mount;
  mount.names = std::move(names);
  mount.path = "/data";
  return mount;
}

Definitions table(const std::vector<goal::Definition>& all) {
  Definitions definitions;
  for (const auto& definition : all) definitions.emplace(definition.name, definition);
  return definitions;
}

struct PlaceCase {
  const char* name;
  goal::Definition definition;
  Verdict verdict;
};

class Place : public testing::TestWithParam<PlaceCase> {};

TEST_P(Place, decides_without_asking_anybody) {
  const auto& param = GetParam();
  const auto candidates = filter(here(), mount_of({"v"}), table({param.definition}));
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_EQ(candidates[0].verdict, param.verdict) << candidates[0].detail;
  EXPECT_EQ(candidates[0].detail.empty(), param.verdict == Verdict::not_tried);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Place,
    testing::Values(PlaceCase{"here", volume("v", "aws", "us-east-1", "us-east-1a"), Verdict::not_tried},
                    PlaceCase{"region_in_another_case", volume("v", "aws", "US-East-1"), Verdict::not_tried},
                    PlaceCase{"zone_not_known", volume("v", "aws", "us-east-1"), Verdict::not_tried},
                    PlaceCase{"region_not_known", volume("v", "aws", ""), Verdict::not_tried},
                    PlaceCase{"elsewhere", volume("v", "aws", "eu-west-1"), Verdict::wrong_region},
                    PlaceCase{"other_zone", volume("v", "aws", "us-east-1", "us-east-1b"), Verdict::wrong_zone},
                    PlaceCase{"other_cloud", volume("v", "gcp", "us-east-1"), Verdict::wrong_backend}),
    [](const auto& one) { return one.param.name; });

TEST(Resolver, keeps_the_written_order_and_explains_every_candidate) {
  const auto candidates =
      filter(here(), mount_of({"eu", "us", "gcp", "discovered"}),
             table({volume("eu", "aws", "eu-west-1"), volume("us", "aws", "us-east-1"), volume("gcp", "gcp", "x")}));
  ASSERT_EQ(candidates.size(), 4U);
  EXPECT_EQ(candidates[0].detail, "in eu-west-1; this instance is in us-east-1");
  EXPECT_EQ(candidates[2].verdict, Verdict::wrong_backend);
  EXPECT_EQ(candidates[3].backend, "aws");  // looked up where this instance is
  EXPECT_EQ(trial_order(candidates, goal::Prefer::order), (std::vector<std::size_t>{1, 3}));
}

TEST(Resolver, cheapest_goes_first_and_those_without_a_price_last_in_their_order) {
  auto definitions =
      table({volume("a", "aws", ""), volume("b", "aws", ""), volume("c", "aws", ""), volume("d", "aws", "")});
  definitions["b"].price = 0.10;
  definitions["d"].price = 0.08;
  const auto candidates = filter(here(), mount_of({"a", "b", "c", "d"}), definitions);
  EXPECT_EQ(trial_order(candidates, goal::Prefer::cheapest), (std::vector<std::size_t>{3, 1, 0, 2}));
  EXPECT_EQ(trial_order(candidates, goal::Prefer::order), (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(Resolver, equal_prices_keep_the_written_order) {
  auto definitions = table({volume("a", "aws", ""), volume("b", "aws", ""), volume("c", "aws", "")});
  for (auto& [name, definition] : definitions) definition.price = 0.1;
  const auto candidates = filter(here(), mount_of({"c", "a", "b"}), definitions);
  EXPECT_EQ(trial_order(candidates, goal::Prefer::cheapest), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Resolver, the_volume_it_had_before_goes_first) {
  const auto candidates = filter(here(), mount_of({"a", "b", "c"}), {});
  EXPECT_EQ(trial_order(candidates, goal::Prefer::order, "c"), (std::vector<std::size_t>{2, 0, 1}));
  EXPECT_EQ(trial_order(candidates, goal::Prefer::order, "gone"), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Resolver, the_mount_may_ask_for_a_file_system_but_never_for_a_format) {
  auto mount = mount_of({"v"});
  mount.fs = "xfs";
  const auto candidates = filter(here(), mount, table({volume("v", "aws", "us-east-1")}));
  EXPECT_EQ(candidates[0].fs, "xfs");
  EXPECT_FALSE(candidates[0].may_format);  // rule 1
  EXPECT_FALSE(filter(here(), mount, {})[0].may_format);
}

TEST(Resolver, over_random_goals_each_usable_candidate_is_tried_exactly_once_and_no_other) {
  std::mt19937 dice(1);
  for (int round = 0; round < 5'000; ++round) {
    goal::Mount mount = mount_of({});
    mount.prefer = dice() % 2 == 0 ? goal::Prefer::order : goal::Prefer::cheapest;
    Definitions definitions;
    for (std::uint32_t i = dice() % 8; i > 0; --i) {
      const std::string name = "v" + std::to_string(i);
      mount.names.push_back(name);
      if (dice() % 3 == 0) continue;
      auto definition = volume(name, dice() % 4 == 0 ? "gcp" : "aws", dice() % 3 == 0 ? "eu-west-1" : "us-east-1");
      if (dice() % 2 == 0) definition.price = dice() % 4;
      definitions.emplace(name, definition);
    }
    const auto candidates = filter(here(), mount, definitions);
    ASSERT_EQ(candidates.size(), mount.names.size());
    const auto order =
        trial_order(candidates, mount.prefer, mount.names.empty() ? "" : mount.names[dice() % mount.names.size()]);
    const std::set<std::size_t> tried(order.begin(), order.end());
    ASSERT_EQ(tried.size(), order.size());
    for (std::size_t i = 0; i < candidates.size(); ++i)
      ASSERT_EQ(tried.contains(i), candidates[i].verdict == Verdict::not_tried);
  }
}

TEST(Judge, takes_in_what_the_backend_says) {
  Candidate candidate = filter(here(), mount_of({"v"}), {})[0];
  backends::Description description;
  description.volume = {.name = "v", .region = "us-east-1", .volume_id = "vol-1", .size = 500'000'000'000};
  judge(here(), candidate, description);
  EXPECT_EQ(candidate.verdict, Verdict::not_tried);
  EXPECT_EQ(describe(candidate), "vol-1, 500 GB, available");
  description.volume.zone = "us-east-1b";
  judge(here(), candidate, description);
  EXPECT_EQ(candidate.verdict, Verdict::wrong_zone);
}

/// A zone's name is each account's own.
TEST(Judge, compares_the_ids_of_zones_where_both_are_known) {
  auto identity = here();
  identity.zone_id = "use1-az4";
  const auto verdict = [&identity](const std::string& zone, const std::string& zone_id) {
    Candidate candidate = filter(identity, mount_of({"v"}), {})[0];
    backends::Description description;
    description.volume.zone = zone;
    description.volume.zone_id = zone_id;
    judge(identity, candidate, description);
    return candidate.verdict;
  };
  EXPECT_EQ(verdict("us-east-1c", "use1-az4"), Verdict::not_tried);
  EXPECT_EQ(verdict("us-east-1a", "use1-az1"), Verdict::wrong_zone);
  EXPECT_EQ(verdict("us-east-1a", ""), Verdict::not_tried);
  EXPECT_EQ(verdict("us-east-1b", ""), Verdict::wrong_zone);
  EXPECT_EQ(verdict("use1-az4", ""), Verdict::not_tried);  // a definition may name it so
}

TEST(Judge, a_volume_that_others_may_attach_too_is_for_reading) {
  const auto judged = [](bool read_only, const std::string& holder) {
    auto mount = mount_of({"v"});
    mount.read_only = read_only;
    Candidate candidate = filter(here(), mount, {})[0];
    backends::Description description;
    description.volume.shared = true;
    description.holder = holder;
    judge(here(), candidate, description);
    return candidate;
  };
  EXPECT_EQ(judged(false, "").verdict, Verdict::unsafe_filesystem);
  EXPECT_EQ(judged(false, "i-0abc").verdict, Verdict::in_use);
  EXPECT_NE(judged(false, "i-0abc").detail.find("i-0abc"), std::string::npos);
  EXPECT_EQ(judged(true, "").verdict, Verdict::not_tried);
  EXPECT_EQ(judged(true, "i-0abc").verdict, Verdict::not_tried);
}

TEST(Judge, names_the_holder) {
  Candidate candidate = filter(here(), mount_of({"v"}), {})[0];
  backends::Description description;
  description.attachment = backends::Attachment::elsewhere;
  description.holder = "i-0abc";
  judge(here(), candidate, description);
  EXPECT_EQ(candidate.verdict, Verdict::in_use);
  EXPECT_NE(candidate.detail.find("i-0abc"), std::string::npos);
}

TEST(Judge, every_error_of_a_backend_is_a_verdict_with_its_sentence) {
  const std::vector<std::pair<backends::Errc, Verdict>> table{
      {backends::Errc::not_found, Verdict::not_found},
      {backends::Errc::wrong_zone, Verdict::wrong_zone},
      {backends::Errc::not_ready, Verdict::not_ready},
      {backends::Errc::in_use, Verdict::in_use},
      {backends::Errc::no_slot, Verdict::no_slot},
      {backends::Errc::denied, Verdict::denied},
      {backends::Errc::unavailable, Verdict::backend_unavailable},
      {backends::Errc::attach_failed, Verdict::attach_failed}};
  for (const auto& [code, verdict] : table) {
    Candidate candidate = filter(here(), mount_of({"v"}), {})[0];
    judge(here(), candidate, backends::Error{code, "the sentence", {}});
    EXPECT_EQ(candidate.verdict, verdict);
    EXPECT_EQ(candidate.detail, "the sentence");
  }
}

TEST(MostUseful, is_the_failure_of_the_candidate_that_came_furthest) {
  const auto failed = [](const char* name, Verdict verdict, const char* detail) {
    Candidate candidate;
    candidate.name = name;
    candidate.verdict = verdict;
    candidate.detail = detail;
    return candidate;
  };
  const auto late = failed("late", Verdict::not_tried, "its turn did not come");
  EXPECT_EQ(most_useful({}), nullptr);
  EXPECT_EQ(most_useful({failed("silent", Verdict::not_tried, "")}), nullptr);
  std::vector<Candidate> candidates{late};
  EXPECT_EQ(most_useful(candidates)->name, "late");  // all that there is to say
  candidates = {failed("far", Verdict::wrong_region, "in b"), late,
                failed("blank", Verdict::unsafe_filesystem, "is blank"), failed("held", Verdict::in_use, "by i-1"),
                failed("foreign", Verdict::unsafe_filesystem, "has LVM")};
  EXPECT_EQ(most_useful(candidates)->name, "blank");
}

}  // namespace
}  // namespace mooring::agent::decide
