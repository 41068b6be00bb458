// Requests and goal files, and that a goal survives being written and read.
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Read {
  TaskGoal goal;
  std::vector<std::string> errors;
};

template <typename Reader>
Read read_with(Reader reader, std::string source, std::string_view text, Format format, const Variables& variables) {
  Diagnostics diagnostics(std::move(source));
  const auto documents = parse(text, format, diagnostics);
  Read read;
  if (const Node* node = only_document(documents, diagnostics)) read.goal = reader(*node, variables, diagnostics);
  for (const Diagnostic& one : diagnostics.all()) read.errors.push_back(to_string(one));
  return read;
}

Read request(std::string_view text, const Variables& more = {}, Format format = Format::json) {
  return read_with(read_request, "request", text, format, more);
}

Read goal_file(std::string_view text, const Variables& variables = {}, std::string source = "goal.yml") {
  return read_with(read_goal_file, std::move(source), text, Format::yaml, variables);
}

TEST(GoalFile, the_example_of_the_design_is_told_word_for_word) {
  const Read read = goal_file(
      "type: task\n"
      "volumes:\n"
      "  - name: [vol-a, vol-b]\n"
      "    pathh: /volume_data\n"
      "  - name: vol-c\n"
      "    path: /c\n"
      "  - name: vol-a\n"
      "    path: /a\n",
      {}, "broken.yml");
  EXPECT_THAT(
      read.errors,
      ElementsAre("broken.yml:4:5: unknown key 'pathh' in a mount; did you mean 'path'?",
                  "broken.yml:7:11: 'vol-a' is named twice, here and at 3:12: one volume can be mounted only once in "
                  "a task"));
}

TEST(GoalFile, of_a_dstack_run_only_the_volumes_are_read) {
  for (const std::string type : {"task", "dev-environment", "service"}) {
    const Read read = goal_file("type: " + type +
                                "\nname: train\npython: '3.11'\ncommands:\n  - python train.py\nenv: {A: b}\n"
                                "resources: {gpu: 24GB}\nnodes: 2\ndefinitions: what dstack makes of it\n"
                                "volumes:\n  - name: [my-aws-eu-west-1-volume, my-aws-us-east-1-volume]\n"
                                "    path: /volume_data\n  - /mnt/cache:/cache\n");
    EXPECT_THAT(read.errors, IsEmpty()) << type;
    ASSERT_THAT(read.goal.mounts, SizeIs(2));
    EXPECT_THAT(read.goal.mounts[0].names, ElementsAre("my-aws-eu-west-1-volume", "my-aws-us-east-1-volume"));
    EXPECT_EQ(read.goal.mounts[1].instance_path, "/mnt/cache");
    EXPECT_THAT(read.goal.definitions, IsEmpty());
  }
}

TEST(GoalFile, of_ours_has_volumes_definitions_and_variables) {
  const Read read = goal_file(
      "volumes: ['data-${{ team }}:/p']\nvariables: {team: red, n: 1}\n"
      "definitions:\n  - {name: data-red, backend: local, volume_id: x}\n");
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.goal.mounts.at(0).names, ElementsAre("data-red"));
  ASSERT_THAT(read.goal.definitions, SizeIs(1));
  EXPECT_EQ(read.goal.definitions[0].source, "goal.yml:4");
}

TEST(GoalFile, variables_given_beside_it_win) {
  EXPECT_THAT(goal_file("volumes: ['${{ a }}:/p']\nvariables: {a: x}\n", {{"a", "y"}}).goal.mounts.at(0).names,
              ElementsAre("y"));
}

struct Mistake {
  std::string text;
  std::vector<std::string> errors;
};

class GoalFileMistake : public testing::TestWithParam<Mistake> {};

TEST_P(GoalFileMistake, is_told) { EXPECT_EQ(goal_file(GetParam().text).errors, GetParam().errors); }

INSTANTIATE_TEST_SUITE_P(
    GoalFile, GoalFileMistake,
    testing::Values(
        Mistake{"", {"goal.yml: nothing is written here"}},
        Mistake{"- a:/p\n", {"goal.yml:1:1: the file must be a mapping, not a list"}},
        Mistake{"volumes: [a:/p]\n---\nvolumes: [b:/p]\n",
                {"goal.yml:3:1: a second document; only one is wanted here"}},
        Mistake{"type: volume\nname: a\n",
                {"goal.yml:1:7: 'type: volume' is a definition, not a goal: put it into the directory of definitions, "
                 "or give "
                 "it with --definitions"}},
        Mistake{"type: fleet\n",
                {"goal.yml:1:7: 'type' must be task, dev-environment or service (a dstack run configuration), not "
                 "'fleet'"}},
        Mistake{
            "type: []\n",
            {"goal.yml:1:7: 'type' must be task, dev-environment or service (a dstack run configuration), not a list"}},
        Mistake{"type: task\n", {"goal.yml:1:1: no 'volumes' in this run configuration: there is nothing to mount"}},
        Mistake{"type: task\nvolumes:\n", {"goal.yml:2:1: 'volumes' is empty: write at least one mount"}},
        Mistake{"volumes: []\n", {"goal.yml:1:10: 'volumes' is empty: write at least one mount"}},
        Mistake{"variables: {}\n", {"goal.yml:1:1: the file needs 'volumes'"}},
        Mistake{"volume: [a:/p]\n", {"goal.yml:1:1: unknown key 'volume' in the file; did you mean 'volumes'?"}},
        Mistake{"volumes: [a:/p]\nowner: {pid: 5}\n",
                {"goal.yml:2:1: unknown key 'owner' in the file; known keys: variables, volumes, definitions"}},
        Mistake{"volumes: [a:/p]\nvariables: [a]\n",
                {"goal.yml:2:12: 'variables' must be a mapping of names to values, not a list"}},
        Mistake{"volumes: [a:/p]\nvariables: {dstack: {node_rank: 0}}\n",
                {"goal.yml:2:21: variable 'dstack' must be a single value, not a mapping"}},
        Mistake{"volumes: [a:/p]\ndefinitions: {a: b}\n",
                {"goal.yml:2:14: 'definitions' must be a list, not a mapping"}},
        Mistake{"volumes: [a:/p]\ndefinitions: [{name: a, backend: x}, {name: a, backend: y}, {type: task}]\n",
                {"goal.yml:2:45: 'a' is defined twice, here and at 2:22",
                 "goal.yml:2:68: 'type' of a definition must be 'volume', not 'task'"}}));

TEST(Request, everything_in_it_is_read) {
  const Read read = request(R"({"volumes": ["data-${{ dstack.node_rank }}:/p"],
    "definitions": [{"type": "volume", "name": "data-3", "backend": "aws", "size": "1.5TB"}],
    "variables": {"dstack.node_rank": 3}, "owner": {"pid": 4321}})");
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.goal.mounts.at(0).names, ElementsAre("data-3"));
  ASSERT_THAT(read.goal.definitions, SizeIs(1));
  EXPECT_EQ(read.goal.definitions[0].size, 1'500'000'000'000U);
  EXPECT_EQ(read.goal.definitions[0].source, "request");
  EXPECT_EQ(read.goal.owner, Owner{4321});
}

TEST(Request, null_is_the_same_as_not_there) {
  const Read read = request(R"({"volumes": ["a:/p"], "definitions": null, "variables": null, "owner": null})");
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_EQ(read.goal.owner, std::nullopt);
}

class RequestMistake : public testing::TestWithParam<Mistake> {};

TEST_P(RequestMistake, is_told) { EXPECT_EQ(request(GetParam().text).errors, GetParam().errors); }

INSTANTIATE_TEST_SUITE_P(
    Request, RequestMistake,
    testing::Values(
        Mistake{"", {"request: nothing is written here; a JSON object is wanted"}},
        Mistake{"[]", {"request:1:1: the request must be a mapping, not a list"}},
        Mistake{"{}", {"request:1:1: the request needs 'volumes'"}},
        Mistake{R"({"volumes": []})", {"request:1:13: 'volumes' is empty: write at least one mount"}},
        Mistake{R"({"volumes": null})", {"request:1:13: 'volumes' is empty: write at least one mount"}},
        Mistake{R"({"volumes": {}})", {"request:1:13: 'volumes' must be a list of mounts, not a mapping"}},
        Mistake{
            R"({"volumes": ["a:/p"], "type": "task"})",
            {"request:1:23: unknown key 'type' in the request; known keys: variables, volumes, definitions, owner"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": {"pid": 1}})",
                {"request:1:40: 'pid' must be the number of a process, more than 1, not '1'"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": {"pid": 2.5}})",
                {"request:1:40: 'pid' must be the number of a process, more than 1, not '2.5'"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": {"pid": -7}})",
                {"request:1:40: 'pid' must be the number of a process, more than 1, not '-7'"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": {"pid": 1e300}})",
                {"request:1:40: 'pid' must be the number of a process, more than 1, not '1e300'"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": {"pid": "12"}})",
                {"request:1:40: 'pid' must be a number, not the string '12'"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": {}})", {"request:1:32: 'owner' needs 'pid'"}},
        Mistake{R"({"volumes": ["a:/p"], "owner": 12})",
                {"request:1:32: 'owner' must be a mapping, not a single value"}},
        Mistake{
            "{\"volumes\": [{\"name\": \"a\",\n  \"pathh\": \"/p\"},\n {\"name\": [\"b\", \"a\"], \"path\": \"/q\"}]}",
            {"request:2:3: unknown key 'pathh' in a mount; did you mean 'path'?",
             "request:3:17: 'a' is named twice, here and at 1:23: one volume can be mounted only once in a task"}}));

TEST(Request, yaml_and_json_give_the_same_goal) {
  const Read json = request(
      R"({"volumes": [{"name": ["a", "b-7"], "path": "/p", "read_only": true, "timeout": "5m", "options": ["noatime"]},
                      {"instance_path": "/d", "path": "/ü"}, "c,d:/q"],
          "definitions": [{"name": "a", "backend": "aws", "size": 100, "price": 0.08, "tags": {"k": "v"}}],
          "owner": {"pid": 99}})");
  const Read yaml = request(
      "volumes:\n- name:\n  - a\n  - b-${{ n }}\n  path: /p/\n  read_only: true\n  timeout: 5m\n  options: [noatime]\n"
      "- instance_path: /d\n  path: \"/\\u00fc\"\n- c,d:/q\n"
      "definitions:\n- name: a\n  backend: aws\n  size: 100GB\n  price: 8e-2\n  tags:\n    k: v\nowner:\n  pid: 99\n",
      {{"n", "7"}}, Format::yaml);
  EXPECT_THAT(json.errors, IsEmpty());
  EXPECT_THAT(yaml.errors, IsEmpty());
  EXPECT_EQ(json.goal, yaml.goal);
}

TEST(Goal, two_that_differ_only_in_where_they_were_written_are_equal) {
  Definition a;
  a.name = "x";
  a.source = "a.yaml:1";
  Definition b = a;
  b.source = "request";
  EXPECT_TRUE(a == b);
  b.init_fs = true;
  EXPECT_FALSE(a == b);
}

/// Goals as they may come, from a fixed seed.
class GoalMaker {
 public:
  explicit GoalMaker(unsigned seed) : random_(seed) {}

  TaskGoal goal() {
    TaskGoal goal;
    const int mounts = 1 + below(5);
    for (int i = 0; i < mounts; ++i) goal.mounts.push_back(mount());
    const int definitions = below(4);
    for (int i = 0; i < definitions; ++i) goal.definitions.push_back(definition());
    if (coin()) goal.owner = Owner{2 + below(4'000'000)};
    return goal;
  }

 private:
  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }
  bool coin() { return below(2) == 0; }
  std::string pick(std::initializer_list<std::string_view> from) {
    return std::string(from.begin()[below(static_cast<int>(from.size()))]);
  }
  std::string name() { return pick({"v", "true", "1e5", "Data.x", "null-"}) + std::to_string(next_++); }
  std::string path() {
    return pick({"/p", "/ü", "/a b", "/x:y", "/'q\"", "/back\\slash", "/漢字/d"}) + std::to_string(next_++);
  }
  std::string any() { return pick({"", "x", "true", "null", "~", "5", "with: colon", "#c", "ü", "\"q\"", "1e400"}); }

  Mount mount() {
    Mount mount;
    mount.path = path();
    mount.read_only = coin();
    mount.optional = coin();
    if (coin()) mount.timeout = std::chrono::milliseconds(1 + below(100'000'000));
    if (below(4) == 0) {
      mount.instance_path = path();
      return mount;
    }
    const int names = 1 + below(3);
    for (int i = 0; i < names; ++i) mount.names.push_back(name());
    if (coin()) mount.prefer = Prefer::cheapest;
    mount.fs = pick({"", "ext4", "xfs", "btrfs"});
    if (coin()) mount.options = {"noatime", pick({"discard", "commit=5", "true", "5"})};
    return mount;
  }

  Definition definition() {
    Definition definition;
    definition.name = name();
    definition.backend = pick({"aws", "gcp", "local"});
    definition.region = any();
    definition.availability_zone = any();
    definition.volume_id = any();
    const std::uint64_t sizes[] = {0, 1, 999, 500'000'000'000, std::uint64_t{1} << 40U, random_(), ~std::uint64_t{0}};
    definition.size = sizes[below(7)];
    if (coin()) definition.tags = {{any(), any()}, {"key", any()}};
    definition.init_fs = coin();
    definition.fs = pick({"", "ext4"});
    if (coin()) definition.price = static_cast<double>(random_()) / 1e18;
    definition.read_only = coin();
    if (coin()) definition.parameters = {{"server", "nfs"}, {"export", "/e x"}};
    return definition;
  }

  std::mt19937_64 random_;
  int next_ = 0;
};

TEST(Goal, is_the_same_after_being_written_and_read) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const TaskGoal goal = GoalMaker(seed).goal();
    const std::string text = boost::json::serialize(to_json(goal));
    const Read json = request(text);
    EXPECT_THAT(json.errors, IsEmpty()) << text;
    ASSERT_TRUE(json.goal == goal) << text;
    // JSON is YAML too, but for tabs and the like.
    ASSERT_TRUE(request(text, {}, Format::yaml).goal == goal) << text;
  }
}

/// Whatever the text, a reader gives a value or diagnostics.
TEST(Goal, nothing_is_thrown_whatever_is_read) {
  const std::vector<std::string_view> parts{"volumes", "name",    "path",        ":",           ": ",   "\n",
                                            "\n  ",    "- ",      "[",           "]",           "{",    "}",
                                            ", ",      "\"",      "'",           "a:/p",        "${{",  "}}",
                                            "~",       "&a",      "*a",          "!x ",         "| ",   "> ",
                                            "---\n",   "#",       "\t",          "\r\n",        "\\",   "\\u",
                                            "0",       "-",       "? ",          "type: ",      "task", "volume",
                                            "owner",   "pid",     "definitions", "\xC3\xA9",    "\xFF", "instance_path",
                                            "options", "timeout", "5s",          "%YAML 1.2\n", "...\n"};
  std::mt19937 random(42);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const auto length = random() % 24;
    for (unsigned j = 0; j < length; ++j) text += parts[random() % parts.size()];
    for (const Format format : {Format::yaml, Format::json}) {
      Diagnostics diagnostics("f");
      EXPECT_NO_THROW({
        const auto documents = parse(text, format, diagnostics);
        for (const Node& document : documents) {
          read_request(document, {}, diagnostics);
          read_goal_file(document, {}, diagnostics);
          read_mounts(document, {}, diagnostics);
        }
        read_definitions(documents, diagnostics);
      }) << text;
    }
  }
}

}  // namespace
}  // namespace mooring::agent::goal
