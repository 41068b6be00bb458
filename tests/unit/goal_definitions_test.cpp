// `type: volume` documents, alone and in a directory.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

struct Read {
  std::vector<Definition> definitions;
  std::vector<std::string> errors;
};

Read read(std::string_view text) {
  Diagnostics diagnostics("v.yaml");
  const auto documents = parse(text, Format::yaml, diagnostics);
  Read result;
  result.definitions = read_definitions(documents, diagnostics);
  for (const Diagnostic& one : diagnostics.all()) result.errors.push_back(to_string(one));
  return result;
}

std::vector<std::string> names(const std::vector<Definition>& definitions) {
  std::vector<std::string> all;
  for (const Definition& one : definitions) all.push_back(one.name);
  return all;
}

TEST(Definitions, every_key_is_read) {
  const Read result = read(
      "type: volume\nname: data\nbackend: azure\nregion: westeurope\navailability_zone: 1\nvolume_id: disk-1\n"
      "size: 500GB\ntags: {team: red, cost: 12}\ninit_fs: true\nfs: xfs\nprice: 0.08\nread_only: true\n"
      "resource_group: rg\nproject: p\nserver: nfs.example\nexport: /data\nmount_tag: tag\n");
  EXPECT_THAT(result.errors, IsEmpty());
  ASSERT_THAT(result.definitions, SizeIs(1));
  const Definition& it = result.definitions.front();
  EXPECT_EQ(it.name, "data");
  EXPECT_EQ(it.backend, "azure");
  EXPECT_EQ(it.region, "westeurope");
  EXPECT_EQ(it.availability_zone, "1");
  EXPECT_EQ(it.volume_id, "disk-1");
  EXPECT_EQ(it.size, 500'000'000'000U);
  EXPECT_THAT(it.tags, ElementsAre(Pair("cost", "12"), Pair("team", "red")));
  EXPECT_TRUE(it.init_fs);
  EXPECT_EQ(it.fs, "xfs");
  EXPECT_EQ(it.price, 0.08);
  EXPECT_TRUE(it.read_only);
  EXPECT_THAT(it.parameters, ElementsAre(Pair("export", "/data"), Pair("mount_tag", "tag"), Pair("project", "p"),
                                         Pair("resource_group", "rg"), Pair("server", "nfs.example")));
  EXPECT_EQ(it.source, "v.yaml:1");
}

TEST(Definitions, nothing_is_formatted_unless_a_definition_says_so) {
  const Read result = read("{type: volume, name: a, backend: aws}\n");
  ASSERT_THAT(result.definitions, SizeIs(1));
  EXPECT_FALSE(result.definitions.front().init_fs);
  EXPECT_FALSE(result.definitions.front().price.has_value());
  EXPECT_EQ(result.definitions.front().size, 0U);
}

TEST(Definitions, several_stand_in_one_file) {
  const Read result =
      read("type: volume\nname: a\nbackend: aws\nsize: 100\n---\n# next\ntype: volume\nname: b\nbackend: gcp\n---\n");
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(names(result.definitions), ElementsAre("a", "b"));
  EXPECT_EQ(result.definitions[0].size, 100'000'000'000U);  // dstack: a bare number is GB
  EXPECT_EQ(result.definitions[1].source, "v.yaml:7");
}

TEST(Definitions, two_of_one_name_are_an_error) {
  const Read result = read("{type: volume, name: a, backend: aws}\n---\n{type: volume, name: a, backend: gcp}\n");
  EXPECT_THAT(result.errors, ElementsAre("v.yaml:3:22: 'a' is defined twice, here and at 1:22"));
  EXPECT_THAT(names(result.definitions), ElementsAre("a"));
}

TEST(Definitions, one_with_an_error_is_left_out_and_the_rest_is_read) {
  const Read result =
      read("{type: volume, name: a, backend: aws, fs: ntfs}\n---\n{type: volume, name: b, backend: aws}\n");
  EXPECT_THAT(result.errors, SizeIs(1));
  EXPECT_THAT(names(result.definitions), ElementsAre("b"));
}

struct Mistake {
  std::string_view yaml;
  std::vector<std::string> errors;
};

class DefinitionMistake : public testing::TestWithParam<Mistake> {};

TEST_P(DefinitionMistake, is_told) {
  EXPECT_EQ(read(GetParam().yaml).errors, GetParam().errors);
  EXPECT_THAT(read(GetParam().yaml).definitions, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Definitions, DefinitionMistake,
    testing::Values(Mistake{"- a\n", {"v.yaml:1:1: a definition must be a mapping, not a list"}},
                    Mistake{"{name: a, backend: aws}\n", {"v.yaml:1:1: a definition needs 'type: volume'"}},
                    Mistake{"{type: fleet, nodes: 3}\n",
                            {"v.yaml:1:8: 'type' of a definition must be 'volume', not 'fleet'"}},
                    Mistake{"{type: [volume]}\n", {"v.yaml:1:8: 'type' of a definition must be 'volume', not a list"}},
                    Mistake{"{type: volume}\n",
                            {"v.yaml:1:1: a definition needs 'name'", "v.yaml:1:1: a definition needs 'backend'"}},
                    Mistake{"{type: volume, name: a/b, backend: ''}\n",
                            {"v.yaml:1:22: volume name 'a/b' has '/' in it: only A-Z a-z 0-9 . _ - are allowed",
                             "v.yaml:1:36: backend is empty"}},
                    Mistake{"{type: volume, name: a, backend: aws, init_fs: yes}\n",
                            {"v.yaml:1:48: 'init_fs' must be true or false, not 'yes'"}},
                    Mistake{"{type: volume, name: a, backend: aws, size: big}\n",
                            {"v.yaml:1:45: 'size' must be a size such as 100GB, 1.5TB or 512MiB, not 'big'"}},
                    Mistake{"{type: volume, name: a, backend: aws, price: -0.1}\n",
                            {"v.yaml:1:46: 'price' must be 0 or more (USD per GB and month), not '-0.1'"}},
                    Mistake{"{type: volume, name: a, backend: aws, price: .inf}\n",
                            {"v.yaml:1:46: 'price' must be 0 or more (USD per GB and month), not '.inf'"}},
                    Mistake{"{type: volume, name: a, backend: aws, price: .nan}\n",
                            {"v.yaml:1:46: 'price' must be 0 or more (USD per GB and month), not '.nan'"}},
                    Mistake{"{type: volume, name: a, backend: aws, price: '1'}\n",
                            {"v.yaml:1:46: 'price' must be a number, not the string '1'"}},
                    Mistake{"{type: volume, name: a, backend: aws, volume_id: \"x\\ny\"}\n",
                            {"v.yaml:1:50: 'volume_id' has a control character in it: 'x\\ny'"}},
                    Mistake{"{type: volume, name: a, backend: aws, tags: [a]}\n",
                            {"v.yaml:1:45: 'tags' must be a mapping of strings, not a list"}},
                    Mistake{"{type: volume, name: a, backend: aws, tags: {t: [], \"u\\tv\": w}}\n",
                            {"v.yaml:1:49: tag 't' must be a string, not a list",
                             "v.yaml:1:53: a tag's name has a control character in it: 'u\\tv'"}},
                    Mistake{"{type: volume, name: a, backend: aws, regoin: x}\n",
                            {"v.yaml:1:39: unknown key 'regoin' in a definition; did you mean 'region'?"}},
                    Mistake{"{type: volume, name: a, backend: aws, fs: vfat}\n",
                            {"v.yaml:1:43: 'fs' must be ext4, xfs or btrfs, not 'vfat'"}}));

class DefinitionsDirectory : public testing::TestWithParam<Writers> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "definitions-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = made_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(made_); }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path(name)) << text; }
  std::vector<std::string> read() {
    std::vector<Diagnostic> problems;
    const auto definitions = read_definitions_directory(directory_, GetParam(), problems);
    for (const Diagnostic& one : problems) problems_.push_back(to_string(one));
    return names(definitions);
  }

  std::string directory_;  // that is read
  std::string made_;
  std::vector<std::string> problems_;
};

TEST_P(DefinitionsDirectory, files_are_read_in_the_order_of_their_names) {
  write("20.yml", "{type: volume, name: c, backend: aws}\n");
  write("10.yaml", "{type: volume, name: a, backend: aws}\n---\n{type: volume, name: b, backend: aws}\n");
  write(".hidden.yaml", "nonsense");
  write("30.yaml~", "nonsense");
  write("README", "nonsense");
  write("40.yaml", "");
  EXPECT_THAT(read(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_P(DefinitionsDirectory, a_missing_one_has_no_definitions) {
  directory_ += "/not-there";
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_P(DefinitionsDirectory, a_name_defined_in_two_files_is_an_error_that_names_both) {
  write("a.yaml", "{type: volume, name: x, backend: aws}\n");
  write("b.yaml", "type: volume\nname: x\nbackend: gcp\n");
  EXPECT_THAT(read(), ElementsAre("x"));
  EXPECT_THAT(problems_,
              ElementsAre(path("b.yaml") + ":2:7: 'x' is defined twice, here and at " + path("a.yaml") + ":1"));
}

TEST_P(DefinitionsDirectory, every_error_of_every_file_is_told) {
  write("a.yaml", "{type: volume, name: x}\n");
  write("b.yaml", "not: [valid\n");
  write("c.yaml", "{type: volume, name: y, backend: aws}\n");
  ASSERT_EQ(mkfifo(path("d.yaml").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", path("e.yaml"));
  std::filesystem::create_directory(path("f.yaml"));
  EXPECT_THAT(read(), ElementsAre("y"));
  EXPECT_THAT(problems_,
              ElementsAre(HasSubstr("a.yaml:1:1: a definition needs 'backend'"), HasSubstr("b.yaml:2:1: not valid"),
                          AllOf(HasSubstr("d.yaml: cannot be read: "), HasSubstr("not a regular file")),
                          HasSubstr("e.yaml: cannot be read: No such file or directory"),
                          HasSubstr("f.yaml: cannot be read: not a regular file")));
}

TEST_P(DefinitionsDirectory, that_is_a_file_is_an_error) {
  write("file", "");
  directory_ += "/file";
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("cannot be read: Not a directory")));
}

INSTANTIATE_TEST_SUITE_P(Definitions, DefinitionsDirectory, testing::Values(Writers::anybody, Writers::trusted));

}  // namespace
}  // namespace mooring::agent::goal
