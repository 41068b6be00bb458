#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/ctl/input.h"

namespace mooring::agent::ctl {
namespace {

class CtlInput : public testing::Test {
 protected:
  CtlInput() : folder_(std::filesystem::temp_directory_path() / ("ctl_input." + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~CtlInput() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

TEST_F(CtlInput, a_dstack_file_with_variables_and_definitions) {
  const auto run = file("run.yml", "type: task\ncommands: [ls]\nvolumes: ['v-${{ dstack.node_rank }}:/data']\n");
  const auto volumes = file("volumes.yml", "type: volume\nname: v-3\nbackend: local\n");
  const Input input = read_input({run, {}, {volumes}, {"dstack.node_rank=3"}, 77});
  ASSERT_TRUE(input.ok()) << input.problems.front();
  EXPECT_EQ(input.goal.mounts.at(0).names, std::vector<std::string>{"v-3"});
  EXPECT_EQ(input.goal.definitions.at(0).name, "v-3");
  EXPECT_EQ(input.goal.owner->pid, 77);
}

TEST_F(CtlInput, errors_name_file_line_and_column) {
  const auto bad = file("bad.yml", "volumes:\n  - name: a\n    pathh: /x\n");
  EXPECT_EQ(read_input({bad, {}, {}, {}, {}}).problems,
            std::vector<std::string>{bad + ":3:5: unknown key 'pathh' in a mount; did you mean 'path'?"});
  EXPECT_EQ(read_input({"/no/such", {}, {}, {}, {}}).problems,
            std::vector<std::string>{"/no/such: cannot be read: No such file or directory"});
}

TEST_F(CtlInput, json_is_told_by_the_name) {
  const auto json = file("goal.json", R"({"volumes": [{"name": ["a", "b"], "path": "/x"}]})");
  EXPECT_TRUE(read_input({json, {}, {}, {}, {}}).ok());
  const auto yaml_as_json = file("other.json", "volumes: ['a:/x']\n");
  EXPECT_FALSE(read_input({yaml_as_json, {}, {}, {}, {}}).ok());
}

TEST_F(CtlInput, arguments_are_counted_as_people_count_them) {
  const Input input = read_input({"", {"a:/x", "a:/y", "c"}, {}, {}, {}});
  ASSERT_EQ(input.problems.size(), 2U);
  EXPECT_EQ(input.problems[0].rfind("moorctl: MOUNT 2: 'a' is named twice, here and in MOUNT 1", 0), 0U)
      << input.problems[0];
  EXPECT_EQ(input.problems[1].rfind("moorctl: MOUNT 3: ", 0), 0U) << input.problems[1];
}

TEST_F(CtlInput, what_is_missing_or_too_much_is_said) {
  EXPECT_FALSE(read_input({}).ok());
  EXPECT_FALSE(read_input({"f", {"a:/x"}, {}, {}, {}}).ok());
  EXPECT_FALSE(read_input({"", {"a:/x"}, {}, {"novalue"}, {}}).ok());
  EXPECT_FALSE(read_input({"", {"a:/x"}, {}, {"k=1", "k=2"}, {}}).ok());
  EXPECT_FALSE(read_input({"", {"a:/x"}, {}, {}, 1}).ok());
  EXPECT_FALSE(read_input({"-", {}, {"-"}, {}, {}}).ok());
}

TEST_F(CtlInput, a_volume_is_defined_once) {
  const auto volumes = file("volumes.yml", "type: volume\nname: v\nbackend: local\n");
  const Input input = read_input({"", {"v:/x"}, {volumes, volumes}, {}, {}});
  EXPECT_EQ(input.problems,
            std::vector<std::string>{volumes + ":1: 'v' is defined twice, here and at " + volumes + ":1"});
}

TEST_F(CtlInput, check_sees_what_a_file_is) {
  EXPECT_EQ(check_file(file("goal.yml", "volumes: ['a:/x', 'b:/y']\n"), {}).summary, "2 mounts");
  EXPECT_EQ(check_file(file("vol.yml", "type: volume\nname: a\nbackend: local\n---\n"), {}).summary,
            "1 volume definition");
  EXPECT_EQ(check_file(file("moord.yaml", "log: {level: info}\nvolumes: ['a:/x']\n"), {}).summary,
            "moord configuration");
  EXPECT_EQ(
      check_file(file("run.yml", "type: service\nport: 80\nvolumes: ['v-${{ dstack.job_num }}:/x']\n"), {}).problems,
      std::vector<std::string>{});
  EXPECT_FALSE(check_file(file("mixed.yml", "type: volume\nname: a\nbackend: local\n---\nvolumes: ['a:/x']\n"), {})
                   .problems.empty());
  EXPECT_FALSE(check_file(file("empty.yml", ""), {}).problems.empty());
  EXPECT_FALSE(check_file(file("bad.yaml", "log: {levle: info}\n"), {}).problems.empty());
  EXPECT_FALSE(check_file(folder_, {}).problems.empty());
}

}  // namespace
}  // namespace mooring::agent::ctl
