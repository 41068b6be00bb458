// The `volumes:` syntax.
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Variables kVariables{{"dstack.node_rank", "0"}, {"dstack.job_num", "7"}, {"team", "red"}};

struct Read {
  std::vector<Mount> mounts;
  std::vector<std::string> errors;
};

std::vector<std::string> messages(const Diagnostics& diagnostics) {
  std::vector<std::string> all;
  for (const Diagnostic& one : diagnostics.all()) all.push_back(to_string(one));
  return all;
}

/// The mounts of a YAML (or JSON, which is YAML too) list.
Read mounts(std::string_view text, const Variables& variables = kVariables) {
  Diagnostics diagnostics("f");
  const auto documents = parse(text, Format::yaml, diagnostics);
  Read read;
  if (const Node* node = only_document(documents, diagnostics))
    read.mounts = read_mounts(*node, variables, diagnostics);
  read.errors = messages(diagnostics);
  return read;
}

Read short_mounts(const std::vector<std::string>& words) {
  Diagnostics diagnostics("arguments");
  Read read;
  read.mounts = read_short_mounts(words, kVariables, diagnostics);
  read.errors = messages(diagnostics);
  return read;
}

Mount volume(std::vector<std::string> names, std::string path) {
  Mount mount;
  mount.names = std::move(names);
  mount.path = std::move(path);
  return mount;
}

Mount directory(std::string instance_path, std::string path) {
  Mount mount;
  mount.instance_path = std::move(instance_path);
  mount.path = std::move(path);
  return mount;
}

struct Form {
  std::string_view yaml;
  Mount mount;
};

class MountForm : public testing::TestWithParam<Form> {};

TEST_P(MountForm, is_understood) {
  const Read read = mounts(GetParam().yaml);
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.mounts, ElementsAre(GetParam().mount));
}

INSTANTIATE_TEST_SUITE_P(
    Design, MountForm,
    testing::Values(Form{"- name: vol\n  path: /p\n", volume({"vol"}, "/p")},
                    Form{"- name: [vol-a, vol-b]\n  path: /p\n", volume({"vol-a", "vol-b"}, "/p")},
                    Form{"- name:\n    - vol-a\n    - vol-b\n  path: //p/./q/\n", volume({"vol-a", "vol-b"}, "/p/q")},
                    Form{"- vol:/p\n", volume({"vol"}, "/p")},
                    Form{"- vol-a,vol-b:/p\n", volume({"vol-a", "vol-b"}, "/p")},
                    Form{"- 'vol-a, vol-b:/p'\n", volume({"vol-a", "vol-b"}, "/p")},
                    Form{"- /host/dir:/p\n", directory("/host/dir", "/p")},
                    Form{"- instance_path: /host//dir/\n  path: /p\n", directory("/host/dir", "/p")},
                    Form{"- data-${{ dstack.node_rank }}:/p\n", volume({"data-0"}, "/p")},
                    Form{"- name: data-${{ dstack.node_rank }}-${{dstack.job_num}}-${{  team  }}\n  path: /p\n",
                         volume({"data-0-7-red"}, "/p")},
                    Form{"- name: ['data-${{ dstack.job_num }}', b]\n  path: /p\n", volume({"data-7", "b"}, "/p")},
                    Form{"- name: 42\n  path: /p\n", volume({"42"}, "/p")},
                    Form{"- name: vol\n  path: /with blank/and:colon\n", volume({"vol"}, "/with blank/and:colon")}));

TEST(Mounts, our_own_keys_are_read) {
  const Read read = mounts(
      "- {name: [a, b], path: /p, read_only: true, optional: true, prefer: cheapest, fs: xfs,\n"
      "   options: [noatime, discard], timeout: 90s}\n"
      "- {instance_path: /d, path: /q, read_only: true, optional: true}\n"
      "- {name: c, path: /r, prefer: order}\n");
  EXPECT_THAT(read.errors, IsEmpty());
  ASSERT_THAT(read.mounts, SizeIs(3));
  EXPECT_TRUE(read.mounts[0].read_only && read.mounts[0].optional);
  EXPECT_EQ(read.mounts[0].prefer, Prefer::cheapest);
  EXPECT_EQ(read.mounts[0].fs, "xfs");
  EXPECT_THAT(read.mounts[0].options, ElementsAre("noatime", "discard"));
  EXPECT_EQ(read.mounts[0].timeout, 90s);
  EXPECT_TRUE(read.mounts[1].read_only && read.mounts[1].optional);
  EXPECT_EQ(read.mounts[2].prefer, Prefer::order);
}

struct Mistake {
  std::string yaml;
  std::vector<std::string> errors;
};

class MountMistake : public testing::TestWithParam<Mistake> {};

TEST_P(MountMistake, is_told) { EXPECT_EQ(mounts(GetParam().yaml).errors, GetParam().errors); }

INSTANTIATE_TEST_SUITE_P(
    Shape, MountMistake,
    testing::Values(
        Mistake{"a: b\n", {"f:1:1: 'volumes' must be a list of mounts, not a mapping"}},
        Mistake{"vol:/p\n", {"f:1:1: 'volumes' must be a list of mounts, not a single value"}},
        Mistake{"- [vol, /p]\n",
                {"f:1:3: a mount must be a mapping with 'name' and 'path', or a string such as vol:/path, not a list"}},
        Mistake{
            "-\n- a:/p\n",
            {"f:1:1: a mount must be a mapping with 'name' and 'path', or a string such as vol:/path, not nothing"}},
        Mistake{"- {}\n",
                {"f:1:3: a mount needs 'name' (a volume) or 'instance_path' (a directory of the instance)",
                 "f:1:3: a mount needs 'path'"}},
        Mistake{"- {nmae: a, path: /p}\n", {"f:1:4: unknown key 'nmae' in a mount; did you mean 'name'?"}},
        Mistake{"- {name: a, path: /p, volume: b}\n",
                {"f:1:23: unknown key 'volume' in a mount; known keys: name, instance_path, path, read_only, optional, "
                 "prefer, fs, options, timeout"}},
        Mistake{"- {name: a, instance_path: /d, path: /p}\n",
                {"f:1:28: 'instance_path' and 'name' in one mount: it is either a directory of the instance or a "
                 "volume"}}));

INSTANTIATE_TEST_SUITE_P(
    Names, MountMistake,
    testing::Values(
        Mistake{"- {name: [], path: /p}\n", {"f:1:10: 'name' is an empty list: name at least one volume"}},
        Mistake{"- {name: , path: /p}\n", {"f:1:4: 'name' has no value: it must be a string"}},
        Mistake{"- {name: '', path: /p}\n", {"f:1:10: volume name is empty"}},
        Mistake{"- {name: {a: b}, path: /p}\n",
                {"f:1:10: 'name' must be a string or a list of strings, not a mapping"}},
        Mistake{"- {name: [[a]], path: /p}\n", {"f:1:11: each entry of 'name' must be a string, not a list"}},
        Mistake{"- {name: true, path: /p}\n", {"f:1:10: 'name' must be a string; if true is meant, put it in quotes"}},
        Mistake{"- {name: 'a,b', path: /p}\n",
                {"f:1:10: volume name 'a,b' has ',' in it: only A-Z a-z 0-9 . _ - are allowed"}},
        Mistake{"- {name: ../etc, path: /p}\n",
                {"f:1:10: volume name '../etc' begins with '.': the first must be a letter or digit (A-Z a-z 0-9)"}},
        Mistake{"- {name: [a, b, a], path: /p}\n",
                {"f:1:17: 'a' is named twice, here and at 1:11: one volume can be mounted only once in a task"}},
        Mistake{"- a:/p\n- name: [b, a]\n  path: /q\n",
                {"f:2:13: 'a' is named twice, here and at 1:3: one volume can be mounted only once in a task"}},
        Mistake{"- a7:/p\n- a${{ dstack.job_num }}:/q\n",
                {"f:2:3: 'a7' is named twice, here and at 1:3: one volume can be mounted only once in a task"}}));

INSTANTIATE_TEST_SUITE_P(
    Variables, MountMistake,
    testing::Values(
        Mistake{
            "- a-${{ dstack.rank }}:/p\n",
            {"f:1:3: unknown variable 'dstack.rank'; known variables: 'dstack.job_num', 'dstack.node_rank', 'team'"}},
        Mistake{"- {name: '${{ x }}${{ y }}', path: /p}\n",
                {"f:1:10: unknown variable 'x'; known variables: 'dstack.job_num', 'dstack.node_rank', 'team'",
                 "f:1:10: unknown variable 'y'; known variables: 'dstack.job_num', 'dstack.node_rank', 'team'"}},
        Mistake{"- {name: 'a-${{ team', path: /p}\n", {"f:1:10: '${{' without '}}' in 'a-${{ team'"}},
        Mistake{"- {name: 'a ${{ team }}', path: /p}\n",
                {"f:1:10: volume name 'a red' has ' ' in it: only A-Z a-z 0-9 . _ - are allowed (filled in from 'a ${{ "
                 "team "
                 "}}')"}},
        Mistake{
            "- {name: a, path: '/p/${{ team }}'}\n",
            {"f:1:19: 'path' '/p/${{ team }}' has '${{' in it: variables are filled in only in names of volumes"}}));

INSTANTIATE_TEST_SUITE_P(
    Paths, MountMistake,
    testing::Values(
        Mistake{"- {name: a, path: p}\n", {"f:1:19: 'path' 'p' is not absolute: it must begin with '/'"}},
        Mistake{"- {name: a, path: ''}\n", {"f:1:19: 'path' is empty"}},
        Mistake{"- {name: a, path: /a/../b}\n", {"f:1:19: 'path' '/a/../b' has '..' in it: write where it leads"}},
        Mistake{"- {name: a, path: //./}\n",
                {"f:1:19: 'path' is '/': a mount there would hide everything; mount below it"}},
        Mistake{"- {name: a, path: \"/a\\0\"}\n", {"f:1:19: 'path' '/a\\x00' has a control character in it"}},
        Mistake{"- {name: a, path: [/p]}\n", {"f:1:19: 'path' must be a string, not a list"}},
        Mistake{"- {instance_path: d, path: /p}\n",
                {"f:1:19: 'instance_path' 'd' is not absolute: it must begin with '/'"}},
        Mistake{"- a:/p\n- b:/p//\n",
                {"f:2:3: '/p' is the path of two mounts, here and at 1:3: each needs a path of its own"}},
        Mistake{"- /d:/p\n- {name: b, path: /p/.}\n",
                {"f:2:19: '/p' is the path of two mounts, here and at 1:3: each needs a path of its own"}}));

INSTANTIATE_TEST_SUITE_P(
    ShortForm, MountMistake,
    testing::Values(
        Mistake{"- vol\n", {"f:1:3: 'vol' is not a mount: it must have one ':', as in vol:/path or /host/dir:/path"}},
        Mistake{"- vol:/p:ro\n",
                {"f:1:3: 'vol:/p:ro' is not a mount: it must have one ':', as in vol:/path or /host/dir:/path; what "
                 "has more "
                 "is written as a mapping with 'name' and 'path'"}},
        Mistake{"- 'vol:'\n", {"f:1:3: 'path' is empty"}}, Mistake{"- ':/p'\n", {"f:1:3: volume name is empty"}},
        Mistake{"- 'a,,b:/p'\n", {"f:1:3: volume name is empty"}},
        Mistake{"- 'a:p'\n", {"f:1:3: 'path' 'p' is not absolute: it must begin with '/'"}},
        Mistake{"- './d:/p'\n",
                {"f:1:3: volume name './d' begins with '.': the first must be a letter or digit (A-Z a-z 0-9)"}},
        Mistake{"- 5\n", {"f:1:3: '5' is not a mount: it must have one ':', as in vol:/path or /host/dir:/path"}}));

INSTANTIATE_TEST_SUITE_P(
    Settings, MountMistake,
    testing::Values(
        Mistake{"- {name: a, path: /p, read_only: yes}\n", {"f:1:34: 'read_only' must be true or false, not 'yes'"}},
        Mistake{"- {name: a, path: /p, optional: 'true'}\n",
                {"f:1:33: 'optional' must be true or false, not the string 'true'"}},
        Mistake{"- {name: a, path: /p, fs: ntfs}\n", {"f:1:27: 'fs' must be ext4, xfs or btrfs, not 'ntfs'"}},
        Mistake{"- {name: a, path: /p, prefer: fast}\n", {"f:1:31: 'prefer' must be order or cheapest, not 'fast'"}},
        Mistake{"- {name: a, path: /p, timeout: 90}\n",
                {"f:1:32: 'timeout' must be a duration such as 90s, 5m, 250ms or 1h, at most a year, not '90'"}},
        Mistake{"- {name: a, path: /p, timeout: 0s}\n", {"f:1:32: 'timeout' must be more than 0"}},
        Mistake{"- {name: a, path: /p, options: noatime}\n",
                {"f:1:32: 'options' must be a list of strings, not 'noatime'"}},
        Mistake{"- {name: a, path: /p, options: ['', 'a,b', \"a\\nb\", \"a\\tb\", 'a b', true]}\n",
                {"f:1:33: an empty mount option",
                 "f:1:37: mount option 'a,b' has a comma or a blank in it: write each option as an entry of its own",
                 "f:1:44: mount option 'a\\nb' has a control character in it",
                 "f:1:52: mount option 'a\\tb' has a control character in it",
                 "f:1:60: mount option 'a b' has a comma or a blank in it: write each option as an entry of its own",
                 "f:1:67: each entry of 'options' must be a string; if true is meant, put it in quotes"}},
        Mistake{"- {instance_path: /d, path: /p, prefer: order, fs: ext4, options: []}\n",
                {"f:1:41: 'prefer' is for volumes; a directory of the instance ('instance_path') has none",
                 "f:1:52: 'fs' is for volumes; a directory of the instance ('instance_path') has none",
                 "f:1:67: 'options' is for volumes; a directory of the instance ('instance_path') has none"}}));

TEST(Mounts, all_errors_are_told_in_the_order_of_the_file) {
  EXPECT_THAT(
      mounts("- name: a\n  pathh: /p\n- name: [b, a]\n  path: rel\n  fs: zfs\n- c\n").errors,
      ElementsAre(HasSubstr("f:2:3: unknown key 'pathh'"), HasSubstr("f:3:13: 'a' is named twice"),
                  HasSubstr("f:4:9: 'path' 'rel'"), HasSubstr("f:5:7: 'fs'"), HasSubstr("f:6:3: 'c' is not a mount")));
}

TEST(Mounts, without_variables_a_dstack_variable_has_no_value) {
  EXPECT_THAT(mounts("- a-${{ dstack.node_rank }}:/p\n- a-${{ x }}:/q\n", {}).errors,
              ElementsAre("f:1:3: variable 'dstack.node_rank' has no value: give it with the task's variables",
                          "f:2:3: unknown variable 'x'; this task has no variables"));
}

TEST(Mounts, a_value_that_looks_like_a_variable_is_not_filled_in_again) {
  EXPECT_THAT(mounts("- ${{ a }}:/p\n", {{"a", "${{ b }}"}, {"b", "c"}}).errors,
              ElementsAre(HasSubstr("volume name '${{ b }}' begins with '$'")));
}

TEST(Mounts, a_long_value_many_times_does_not_take_all_memory) {
  std::string name;
  for (int i = 0; i < 100'000; ++i) name += "${{ a }}";
  EXPECT_THAT(mounts("- {name: '" + name + "', path: /p}\n", {{"a", std::string(1'000'000, 'x')}}).errors,
              ElementsAre(HasSubstr("is too long")));
}

TEST(Mounts, ten_thousand_are_read_quickly) {
  std::string yaml;
  std::string json = "[";
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    yaml += "- name: [first-" + n + ", second-" + n + "]\n  path: /data/" + n + "\n";
    json += (i > 0 ? "," : "") + ("{\"name\": \"v" + n) + "\", \"path\": \"/d/" + n + "\"}";
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(mounts(yaml).mounts, SizeIs(10'000));
  Diagnostics diagnostics("request");
  const auto documents = parse(json + "]", Format::json, diagnostics);
  EXPECT_THAT(read_mounts(documents.at(0), {}, diagnostics), SizeIs(10'000));
  EXPECT_TRUE(diagnostics.ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);  // a quadratic way takes minutes
}

TEST(Mounts, ten_thousand_errors_are_told_quickly) {
  std::string yaml;
  for (int i = 0; i < 10'000; ++i) yaml += "- {name: same, path: /p, wrong: 1}\n";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(mounts(yaml).errors, SizeIs(29'998));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST(ShortMounts, are_those_of_the_command_line) {
  const Read read = short_mounts({"vol-a,vol-b:/p", "/host/dir:/q", "data-${{ dstack.node_rank }}:/r"});
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.mounts,
              ElementsAre(volume({"vol-a", "vol-b"}, "/p"), directory("/host/dir", "/q"), volume({"data-0"}, "/r")));
}

TEST(ShortMounts, errors_name_the_argument) {
  EXPECT_THAT(
      short_mounts({"a:/p", "b", "c:/p", "a:/r", "d:/\xFF"}).errors,
      ElementsAre(HasSubstr("arguments:1:2: 'b' is not a mount"), HasSubstr("arguments:1:3: '/p' is the path of two"),
                  HasSubstr("arguments:1:4: 'a' is named twice, here and at 1:1"),
                  HasSubstr("arguments:1:5: 'path' '/\\xff' is not UTF-8")));
}

}  // namespace
}  // namespace mooring::agent::goal
