// Values: durations, sizes, numbers, names, paths; and mappings of which every key is read.
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/goal/fields.h"
#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Duration, is_a_whole_number_and_a_unit) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("2d"), 48h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("365d"), 8760h);
  for (const std::string_view wrong : {"", "s", "5", "5 s", " 5s", "5S", "-5s", "+5s", "1.5h", "1h30m", "5sec", "366d",
                                       "99999999999999999999s", "18446744073709551615ms", "0x5s", "5s\n"}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
}

TEST(Size, is_decimal_as_clouds_sell_it_and_binary_with_an_i) {
  EXPECT_EQ(parse_size("500GB"), 500'000'000'000U);
  EXPECT_EQ(parse_size("100"), 100'000'000'000U);
  EXPECT_EQ(parse_size("100 gb"), 100'000'000'000U);
  EXPECT_EQ(parse_size("512MiB"), 512U << 20U);
  EXPECT_EQ(parse_size("1.5TB"), 1'500'000'000'000U);
  EXPECT_EQ(parse_size("0.25GB"), 250'000'000U);
  EXPECT_EQ(parse_size("1.5GiB"), 3U << 29U);
  EXPECT_EQ(parse_size("7B"), 7U);
  EXPECT_EQ(parse_size("3kB"), 3'000U);
  EXPECT_EQ(parse_size("2KiB"), 2'048U);
  EXPECT_EQ(parse_size("1PB"), 1'000'000'000'000'000U);
  EXPECT_EQ(parse_size("18446744073709551615B"), std::numeric_limits<std::uint64_t>::max());
  for (const std::string_view wrong : {"",
                                       "GB",
                                       "0",
                                       "0GB",
                                       "0.0GB",
                                       "-1GB",
                                       "+1GB",
                                       "1.GB",
                                       ".5GB",
                                       "1,5GB",
                                       "1e3GB",
                                       "5XB",
                                       "5GBs",
                                       "5 G B",
                                       "5Gb/s",
                                       "18446744073709551616B",
                                       "99999999999PB",
                                       "18446744074",
                                       "5GB ",
                                       "5\nGB"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(HumanSize, has_at_most_one_decimal) {
  struct Case {
    std::uint64_t bytes;
    std::string_view text;
  };
  for (const auto& [bytes, text] :
       {Case{0, "0 B"}, Case{999, "999 B"}, Case{1'000, "1 kB"}, Case{64'000'000, "64 MB"},
        Case{500'000'000'000, "500 GB"}, Case{1'500'000'000'000, "1.5 TB"}, Case{1U << 30U, "1.1 GB"},
        Case{999'949, "999.9 kB"}, Case{999'950, "1 MB"}, Case{999'999'999'999, "1 TB"}, Case{1'049, "1 kB"},
        Case{1'050, "1.1 kB"}, Case{std::numeric_limits<std::uint64_t>::max(), "18.4 EB"}}) {
    EXPECT_EQ(human_size(bytes), text);
  }
}

TEST(Name, becomes_a_directory_and_says_what_is_wrong_with_it) {
  for (const std::string& good : {std::string("a"), std::string("0.x_Y-9"), std::string(128, 'a')}) {
    EXPECT_TRUE(is_valid_name(good)) << good;
  }
  struct Case {
    std::string name;
    std::string_view error;
  };
  for (const auto& [name, error] :
       {Case{"", "volume name is empty"},
        Case{"a b", "volume name 'a b' has ' ' in it: only A-Z a-z 0-9 . _ - are allowed"},
        Case{"a/b", "volume name 'a/b' has '/' in it"}, Case{"-a", "volume name '-a' begins with '-'"},
        Case{"..", "volume name '..' begins with '.'"}, Case{"é", "volume name 'é' begins with 'é'"},
        Case{"aé", "volume name 'aé' has 'é' in it"}, Case{"a\nb", "volume name 'a\\nb' has '\\n' in it"},
        Case{std::string("a\0b", 3), "volume name 'a\\x00b' has '\\x00' in it"},
        Case{std::string(129, 'a'), "is too long: it has 129 characters; at most 128 are allowed"}}) {
    EXPECT_FALSE(is_valid_name(name)) << name;
    EXPECT_THAT(invalid_name("volume name", name), HasSubstr(std::string(error)));
  }
}

TEST(Path, is_made_canonical) {
  struct Case {
    std::string_view written, canonical;
  };
  for (const auto& [written, canonical] :
       {Case{"/a", "/a"}, Case{"/a/", "/a"}, Case{"//a///b//", "/a/b"}, Case{"/./a/./b/.", "/a/b"}, Case{"/", "/"},
        Case{"///", "/"}, Case{"/a..b/...", "/a..b/..."}, Case{"/mit leer/ü", "/mit leer/ü"}}) {
    std::string why = "left over";
    EXPECT_EQ(normalise_path(written, why), canonical);
    EXPECT_EQ(why, "");
  }
}

TEST(Path, that_cannot_be_canonical_is_empty_and_says_why) {
  struct Case {
    std::string path;
    std::string_view why;
  };
  for (const auto& [path, expected] :
       {Case{"", "is empty"}, Case{"a/b", "is not absolute"}, Case{"/a/../b", "has '..'"}, Case{"/..", "has '..'"},
        Case{std::string("/a\0b", 4), "control character"}, Case{"/a\nb", "control character"},
        Case{"/a\x7F", "control"}, Case{"/a\xC2\x85", "control character"}, Case{"/\xFF", "not UTF-8"},
        Case{"/" + std::string(256, 'a'), "a part of 256 bytes"}}) {
    std::string why;
    EXPECT_EQ(normalise_path(path, why), "");
    EXPECT_THAT(why, HasSubstr(std::string(expected))) << path;
  }
  std::string long_path;
  while (long_path.size() < 4096) long_path += "/aaaaaaa";
  std::string why;
  EXPECT_EQ(normalise_path(long_path, why).size(), 4096U);
  EXPECT_EQ(normalise_path(long_path + "b", why), "");
  EXPECT_THAT(why, HasSubstr("more than 4096 bytes"));
}

class FieldsTest : public testing::Test {
 protected:
  Fields& read(std::string_view text, Format format = Format::yaml) {
    documents_ = parse(text, format, diagnostics_);
    fields_ = std::make_unique<Fields>(documents_.at(0), "a thing", diagnostics_);
    return *fields_;
  }
  std::vector<std::string> errors() {
    std::vector<std::string> all;
    for (const Diagnostic& one : diagnostics_.all()) all.push_back(to_string(one));
    return all;
  }

 private:
  Diagnostics diagnostics_{"f"};
  std::vector<Node> documents_;
  std::unique_ptr<Fields> fields_;
};

TEST_F(FieldsTest, booleans_are_those_of_yaml_1_2) {
  Fields& fields = read("{a: true, b: False, c: TRUE, d: yes, e: 'true', f: 1, g: , h: []}");
  EXPECT_EQ(fields.boolean("a"), true);
  EXPECT_EQ(fields.boolean("b"), false);
  EXPECT_EQ(fields.boolean("c"), true);
  for (const std::string_view key : {"d", "e", "f", "g", "h", "missing"}) {
    EXPECT_EQ(fields.boolean(key), std::nullopt) << key;
  }
  EXPECT_THAT(errors(), ElementsAre("f:1:33: 'd' must be true or false, not 'yes'",
                                    "f:1:41: 'e' must be true or false, not the string 'true'",
                                    "f:1:52: 'f' must be true or false, not '1'",
                                    "f:1:55: 'g' has no value: it must be true or false",
                                    "f:1:63: 'h' must be true or false, not a list"));
}

TEST_F(FieldsTest, numbers_are_those_of_the_core_schema) {
  Fields& fields = read(
      "{a: 12, b: -1.5e3, c: 0x1F, d: 0o17, e: .5, f: +7., g: .inf, h: -.INF, i: .nan, j: 017, "
      "s: '5', t: 1_000, u: 0x, v: 1e, w: inf, x: nan, y: 1e999, z: '', aa: 0x1p3}");
  EXPECT_EQ(fields.number("a"), 12);
  EXPECT_EQ(fields.number("b"), -1500);
  EXPECT_EQ(fields.number("c"), 31);
  EXPECT_EQ(fields.number("d"), 15);
  EXPECT_EQ(fields.number("e"), 0.5);
  EXPECT_EQ(fields.number("f"), 7);
  EXPECT_EQ(fields.number("g"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(fields.number("h"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(fields.number("i").value()));
  EXPECT_EQ(fields.number("j"), 17);  // decimal in YAML 1.2
  EXPECT_THAT(errors(), IsEmpty());
  for (const std::string_view key : {"s", "t", "u", "v", "w", "x", "y", "z", "aa"}) {
    EXPECT_EQ(fields.number(key), std::nullopt) << key;
  }
  EXPECT_EQ(errors().size(), 9U);
}

TEST_F(FieldsTest, a_plain_number_is_also_a_text_but_true_and_null_are_not) {
  Fields& fields = read("{a: x, b: 1.50, c: yes, d: 'true', e: true, f: ~, g: {}, h: ''}");
  EXPECT_EQ(fields.text("a"), "x");
  EXPECT_EQ(fields.text("b"), "1.50");
  EXPECT_EQ(fields.text("c"), "yes");
  EXPECT_EQ(fields.text("d"), "true");
  EXPECT_EQ(fields.text("h"), "");
  EXPECT_THAT(errors(), IsEmpty());
  for (const std::string_view key : {"e", "f", "g"}) EXPECT_EQ(fields.text(key), std::nullopt);
  EXPECT_THAT(errors(), ElementsAre("f:1:39: 'e' must be a string; if true is meant, put it in quotes",
                                    "f:1:48: 'f' has no value: it must be a string",
                                    "f:1:54: 'g' must be a string, not a mapping"));
}

TEST_F(FieldsTest, durations_sizes_and_lists_say_what_they_want) {
  Fields& fields = read("{a: 90, b: 5 apples, c: [x, {}, y], d: x, e: 3s, f: 2 GB, g: fast}");
  EXPECT_EQ(fields.duration("a"), std::nullopt);
  EXPECT_EQ(fields.size("b"), std::nullopt);
  EXPECT_THAT(fields.texts("c"), ElementsAre("x", "y"));
  EXPECT_THAT(fields.texts("d"), IsEmpty());
  EXPECT_EQ(fields.duration("e"), 3s);
  EXPECT_EQ(fields.size("f"), 2'000'000'000U);
  EXPECT_EQ(fields.one_of("g", {"slow", "quick"}), std::nullopt);
  EXPECT_THAT(
      errors(),
      ElementsAre("f:1:5: 'a' must be a duration such as 90s, 5m, 250ms or 1h, at most a year, not '90'",
                  "f:1:12: 'b' must be a size such as 100GB, 1.5TB or 512MiB, not '5 apples'",
                  "f:1:29: each entry of 'c' must be a string, not a mapping",
                  "f:1:40: 'd' must be a list of strings, not 'x'", "f:1:62: 'g' must be slow or quick, not 'fast'"));
}

TEST_F(FieldsTest, every_key_nobody_asked_for_is_an_error) {
  Fields& fields = read("{name: x, pathh: y, completely_else: z}");
  fields.text("name");
  fields.text("path");
  fields.finish();
  EXPECT_THAT(errors(), ElementsAre("f:1:11: unknown key 'pathh' in a thing; did you mean 'path'?",
                                    "f:1:21: unknown key 'completely_else' in a thing; known keys: name, path"));
}

TEST_F(FieldsTest, a_needed_key_that_is_not_there_is_missed) {
  Fields& fields = read("\n{name: x}");
  fields.need("name");
  fields.need("path");
  fields.finish();
  EXPECT_THAT(errors(), ElementsAre("f:2:1: a thing needs 'path'"));
}

TEST_F(FieldsTest, a_needed_key_that_is_only_misspelt_is_one_error) {
  Fields& fields = read("{nmae: x}");
  fields.need("name");
  fields.finish();
  EXPECT_THAT(errors(), ElementsAre("f:1:2: unknown key 'nmae' in a thing; did you mean 'name'?"));
}

TEST_F(FieldsTest, what_is_no_mapping_is_one_error) {
  Fields& fields = read("[a]");
  fields.need("name");
  EXPECT_EQ(fields.text("other"), std::nullopt);
  fields.finish();
  EXPECT_THAT(errors(), ElementsAre("f:1:1: a thing must be a mapping, not a list"));
}

TEST_F(FieldsTest, messages_do_not_carry_terminal_codes_or_endless_texts) {
  Fields& fields = read("{\"\\u001b[2J\": 1, \"" + std::string(5000, 'x') + "\": 2}", Format::json);
  fields.finish();
  ASSERT_EQ(errors().size(), 2U);
  EXPECT_THAT(errors()[0], HasSubstr("unknown key '\\x1b[2J'"));
  EXPECT_LT(errors()[1].size(), 300U);
}

}  // namespace
}  // namespace mooring::agent::goal
