// Texts to trees: positions, strictness, and what hostile input is refused for.
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/goal/document.h"

namespace mooring::agent::goal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::vector<std::string> messages(const Diagnostics& diagnostics) {
  std::vector<std::string> all;
  for (const Diagnostic& one : diagnostics.all()) all.push_back(to_string(one));
  return all;
}

struct Parsed {
  std::vector<Node> documents;
  std::vector<std::string> errors;
};

Parsed parsed(std::string_view text, Format format = Format::yaml) {
  Diagnostics diagnostics("f");
  auto documents = parse(text, format, diagnostics);
  return {std::move(documents), messages(diagnostics)};
}

/// kind, position, text of each node, in the order of the document.
void outline(const Node& node, std::string& out) {
  out += to_string(node.at);
  if (node.kind == Node::Kind::null) out += " null";
  if (node.kind == Node::Kind::scalar) out += (node.quoted ? " '" : " ") + node.text + (node.quoted ? "'" : "");
  if (node.kind == Node::Kind::sequence) {
    out += " [";
    for (const Node& item : node.items) {
      outline(item, out);
      out += ",";
    }
    out += "]";
  }
  if (node.kind == Node::Kind::mapping) {
    out += " {";
    for (const auto& [key, value] : node.fields) {
      outline(key, out);
      out += ": ";
      outline(value, out);
      out += ",";
    }
    out += "}";
  }
}

std::string outline(const Parsed& parsed) {
  std::string out;
  for (const Node& document : parsed.documents) {
    outline(document, out);
    out += ";";
  }
  return out;
}

TEST(Yaml, knows_where_everything_stands) {
  EXPECT_EQ(outline(parsed("a: b\nc:\n  - d\n  - \"e\"\n")), "1:1 {1:1 a: 1:4 b,2:1 c: 3:3 [3:5 d,4:5 'e',],};");
}

TEST(Yaml, counts_columns_in_characters) {
  EXPECT_EQ(outline(parsed("ключ: [é, 漢字, x]\n")), "1:1 {1:1 ключ: 1:7 [1:8 é,1:11 漢字,1:15 x,],};");
}

TEST(Yaml, takes_windows_line_ends_and_a_byte_order_mark) {
  EXPECT_EQ(outline(parsed("\xEF\xBB\xBF"
                           "a: ü\r\nb: [c]\r\n")),
            "1:1 {1:1 a: 1:4 ü,2:1 b: 2:4 [2:5 c,],};");
}

TEST(Yaml, a_value_that_is_not_there_is_null_and_stands_at_its_key) {
  EXPECT_EQ(outline(parsed("a:\nb: ~\nc:\n  -\n\n  # nothing\n  - null\n")),
            "1:1 {1:1 a: 1:1 null,2:1 b: 2:4 null,3:1 c: 4:3 [4:3 null,7:5 null,],};");
}

TEST(Yaml, quotes_and_tags_make_strings) {
  EXPECT_EQ(outline(parsed("[true, 'true', \"5\", !!str 5, ! 5, !!int 5, 'null']")),
            "1:1 [1:2 true,1:8 'true',1:16 '5',1:21 '5',1:30 '5',1:35 5,1:44 'null',];");
}

TEST(Yaml, reads_several_documents) {
  EXPECT_EQ(outline(parsed("# first\na: 1\n---\nb: 2\n...\n---\n- c\n")),
            "2:1 {2:1 a: 2:4 1,};4:1 {4:1 b: 4:4 2,};7:1 [7:3 c,];");
}

TEST(Yaml, an_empty_text_has_no_documents_and_no_errors) {
  for (const std::string_view text : {"", "\n\n", "# only a comment\n", "\xEF\xBB\xBF"}) {
    EXPECT_THAT(parsed(text).documents, IsEmpty());
    EXPECT_THAT(parsed(text).errors, IsEmpty());
  }
}

TEST(Yaml, a_key_that_stands_twice_names_both_places_and_reading_goes_on) {
  const Parsed result = parsed("a: 1\nb: {c: 1, c: 2}\na: 3\n");
  EXPECT_THAT(result.errors, ElementsAre("f:2:11: key 'c' stands twice, here and at 2:5",
                                         "f:3:1: key 'a' stands twice, here and at 1:1"));
  EXPECT_EQ(outline(result), "1:1 {1:1 a: 1:4 1,2:1 b: 2:4 {2:5 c: 2:8 1,},};");
}

TEST(Yaml, a_quoted_and_a_plain_key_are_the_same_key) {
  EXPECT_THAT(parsed("a: 1\n'a': 2\n").errors, ElementsAre("f:2:1: key 'a' stands twice, here and at 1:1"));
}

TEST(Yaml, keys_must_be_single_words) {
  EXPECT_THAT(parsed("? [a, b]\n: c\n").errors, ElementsAre("f:1:3: a key must be a single word"));
  EXPECT_THAT(parsed("{a: 1}: c\n").errors, ElementsAre(HasSubstr("a key must be a single word")));
  EXPECT_THAT(parsed("~: c\n").errors, ElementsAre("f:1:1: a key must be a single word"));
}

struct Refused {
  std::string_view text;
  std::string_view error;
};

class RefusedYaml : public testing::TestWithParam<Refused> {};

TEST_P(RefusedYaml, has_no_documents_and_says_why) {
  const Parsed result = parsed(GetParam().text);
  EXPECT_THAT(result.documents, IsEmpty());
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_THAT(result.errors.front(), StartsWith(std::string(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, RefusedYaml,
    testing::Values(Refused{"a: &x 1\n", "f:1:4: anchors (&x) are not supported: write the value out"},
                    Refused{"a: &x 1\nb: *x\n", "f:1:4: anchors (&x)"}, Refused{"a: *x\n", "f:1:4: not valid YAML: "},
                    Refused{"v:\n\t- x: 1\n", "f:2:2: not valid YAML: a tab in the indentation; use spaces"},
                    Refused{"a: b: c\n", "f:1:5: not valid YAML: "}, Refused{"a: [1, 2\n", "f:2:1: not valid YAML: "},
                    Refused{"a: 'b\n", "f:1:4: not valid YAML: the quote that begins here is never closed"},
                    Refused{"a: \"b\\\"\n", "f:1:4: not valid YAML: the quote"},
                    Refused{"a: 'b", "f:1:6: not valid YAML: "},
                    Refused{"a: !!str 'it''s\n", "f:1:4: not valid YAML: the quote"},
                    Refused{"[a]\n[b]\n", "f:2:1: not valid YAML: this belongs to nothing before it"},
                    Refused{"\"a\" \"b\"\n", "f:1:5: not valid YAML: this belongs to nothing before it"},
                    Refused{"a: \"\\q\"\n", "f:1:7: not valid YAML: "},
                    Refused{"a: x\x01y\n", "f:1:5: not valid YAML: a control character, '\\x01'"},
                    Refused{std::string_view("a: \0b\n", 6), "f:1:4: not valid YAML: a control character, '\\x00'"},
                    Refused{"a: b\nc: \xFF\n", "f:2:4: not UTF-8 here"},
                    Refused{"a: \xED\xA0\x80\n", "f:1:4: not UTF-8 here"},  // a surrogate
                    Refused{"a: \xC0\xAF\n", "f:1:4: not UTF-8 here"},      // an overlong slash
                    Refused{"a: é\xE2\x82", "f:1:5: not UTF-8 here"}));

TEST(Yaml, unknown_tags_are_errors_that_leave_the_rest_readable) {
  const Parsed result = parsed("a: !thing 1\nb: !!binary aGk=\nc: !!set {d}\n");
  EXPECT_THAT(result.errors, ElementsAre("f:1:4: the tag '!thing' has no meaning here; leave it out",
                                         HasSubstr("f:2:4: the tag"), HasSubstr("f:3:4: the tag")));
  EXPECT_THAT(result.documents, SizeIs(1));
}

TEST(Yaml, a_closed_quote_at_the_very_end_is_fine) {
  for (const std::string_view text :
       {"a: 'b'", "a: \"b\"", "a: 'it''s'", "a: \"\\\"\"", "a: !!str 'b'", "a: |\n  'b"}) {
    EXPECT_THAT(parsed(text).errors, IsEmpty()) << text;
  }
}

TEST(Yaml, a_billion_laughs_are_refused_before_anything_is_expanded) {
  std::string text = "a0: &a0 [lol, lol]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + before + ", *a" + before + "]\n";
  }
  const Parsed result = parsed(text);
  EXPECT_THAT(result.documents, IsEmpty());
  EXPECT_THAT(result.errors, SizeIs(30));
}

class Nesting : public testing::TestWithParam<Format> {};

TEST_P(Nesting, stops_at_32_levels) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_THAT(parsed(nested(32), GetParam()).errors, IsEmpty());
  EXPECT_THAT(parsed(nested(33), GetParam()).errors,
              ElementsAre("f:1:33: nested too deeply: at most 32 levels are read"));
  EXPECT_THAT(parsed(nested(33), GetParam()).documents, IsEmpty());
  EXPECT_THAT(parsed(std::string(200'000, '['), GetParam()).errors, SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(Formats, Nesting, testing::Values(Format::yaml, Format::json));

TEST(Json, knows_where_everything_stands) {
  EXPECT_EQ(outline(parsed("{\"a\": \"b\",\n \"c\": [1, -2.5e3,true,null , {} ]}\n", Format::json)),
            "1:1 {1:2 'a': 1:7 'b',2:2 'c': 2:7 [2:8 1,2:11 -2.5e3,2:18 true,2:23 null,2:30 {},],};");
}

TEST(Json, counts_columns_in_characters_and_reads_escapes) {
  EXPECT_EQ(outline(parsed("\xEF\xBB\xBF[\"é漢\", \"\\u00e9\\n\\\"\", 1]", Format::json)),
            "1:1 [1:2 'é漢',1:8 'é\n\"',1:22 1,];");
}

TEST(Json, a_long_string_and_a_long_number_come_back_whole) {
  const std::string text(100'000, 'x');
  const std::string digits(300, '7');
  const Parsed result = parsed("[\"" + text + "\\t" + text + "\", 0." + digits + "]", Format::json);
  ASSERT_THAT(result.documents, SizeIs(1));
  EXPECT_EQ(result.documents[0].items[0].text, text + "\t" + text);
  EXPECT_EQ(result.documents[0].items[1].text, "0." + digits);
}

class RefusedJson : public testing::TestWithParam<Refused> {};

TEST_P(RefusedJson, has_no_documents_and_says_why) {
  const Parsed result = parsed(GetParam().text, Format::json);
  EXPECT_THAT(result.documents, IsEmpty());
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_THAT(result.errors.front(), StartsWith(std::string(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Json, RefusedJson,
    testing::Values(Refused{"", "f: nothing is written here; a JSON object is wanted"},
                    Refused{" \r\n", "f: nothing is written here"},
                    Refused{"{\"a\": 1,}", "f:1:9: not valid JSON: '}' is not expected here"},
                    Refused{"{\"a\": 1, }", "f:1:10: not valid JSON: '}'"},
                    Refused{"{'a': 1}", "f:1:2: not valid JSON: strings stand in double quotes"},
                    Refused{"{a: 1}", "f:1:2: not valid JSON: 'a' is not expected here"},
                    Refused{"[1 2]", "f:1:4: not valid JSON: '2' is not expected here"},
                    Refused{"// x\n{}", "f:1:1: not valid JSON: comments are not allowed"},
                    Refused{"{} x", "f:1:4: not valid JSON: 'x' after the end of the document"},
                    Refused{"{}\n{}", "f:2:1: not valid JSON: '{' after the end"},
                    Refused{"01", "f:1:1: not valid JSON"}, Refused{"[01]", "f:1:2: not valid JSON"},
                    Refused{"[NaN]", "f:1:2: not valid JSON"}, Refused{"[+1]", "f:1:2: not valid JSON"},
                    Refused{"[True]", "f:1:2: not valid JSON"},
                    Refused{"{\"a\": [1", "f:1:9: not valid JSON: it ends too early"},
                    Refused{"[\"a", "f:1:4: not valid JSON: it ends too early"},
                    Refused{"[\"a\nb\"]", "f:1:2: not valid JSON: a control character in a string, '\\n'"},
                    Refused{"[\"\\x\"]", "f:1:2: not valid JSON: "},
                    Refused{"[\"\\ud800\"]", "f:1:2: not valid JSON: "},
                    Refused{"[\"\xFF\"]", "f:1:3: not UTF-8 here"}));

TEST(Json, a_key_that_stands_twice_names_both_places) {
  EXPECT_THAT(parsed("{\"a\": 1,\n \"a\": 2}", Format::json).errors,
              ElementsAre("f:2:2: key 'a' stands twice, here and at 1:2"));
}

TEST(Text, more_than_16_mib_are_refused) {
  for (const Format format : {Format::yaml, Format::json}) {
    EXPECT_THAT(parsed(std::string((16U << 20U) + 1, ' '), format).errors,
                ElementsAre("f: too long: at most 16 MiB are read"));
  }
}

/// Time is measured only against what a slow way (quadratic) would take: minutes.
TEST(Text, hostile_input_is_read_or_refused_quickly) {
  const auto repeat = [](std::string_view part, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += part;
    return all;
  };
  const std::vector<std::string> texts{"a: " + std::string(4'000'000, 'x'),
                                       "a: \"" + std::string(4'000'000, 'x') + "\"",
                                       repeat("- ", 500'000),
                                       repeat("a: ", 500'000),
                                       repeat("? ", 500'000),
                                       repeat("{", 500'000),
                                       repeat("-\n", 200'000),
                                       repeat("---\n", 100'000),
                                       "[" + repeat("a, ", 300'000) + "]",
                                       "{" + repeat("\"", 500'000),
                                       "[" + repeat("? ,", 100'000) + "]",
                                       "a:\n" + std::string(100'000, ' ') + "[a" + repeat(", b: ", 50'000) + "]",
                                       repeat("# comment\n", 300'000) + "-\n"};
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& text : texts) {
    for (const Format format : {Format::yaml, Format::json}) static_cast<void>(parsed(text, format));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(Diagnostics, come_in_the_order_of_the_input) {
  Diagnostics diagnostics("f");
  diagnostics.error({3, 1}, "third");
  diagnostics.error({1, 5}, "second");
  diagnostics.error({1, 2}, "first");
  diagnostics.error({3, 1}, "fourth");
  diagnostics.error({}, "of the whole");
  EXPECT_THAT(messages(diagnostics),
              ElementsAre("f: of the whole", "f:1:2: first", "f:1:5: second", "f:3:1: third", "f:3:1: fourth"));
}

TEST(OnlyDocument, is_the_one_that_is_there) {
  const auto errors_for = [](std::string_view text) {
    Diagnostics diagnostics("f");
    const auto documents = parse(text, Format::yaml, diagnostics);
    const Node* document = only_document(documents, diagnostics);
    EXPECT_EQ(document != nullptr, diagnostics.ok());
    return messages(diagnostics);
  };
  EXPECT_THAT(errors_for("a: 1\n"), IsEmpty());
  EXPECT_THAT(errors_for(""), ElementsAre("f: nothing is written here"));
  EXPECT_THAT(errors_for("a: 1\n---\nb: 2\n"), ElementsAre("f:3:1: a second document; only one is wanted here"));
  EXPECT_THAT(errors_for("a: 'b\n"), ElementsAre(HasSubstr("never closed")));  // said once
}

TEST(Nearest, finds_what_was_meant) {
  const std::vector<std::string_view> known{"name", "path", "read_only", "optional", "options", "fs", "timeout"};
  struct Case {
    std::string_view word, meant;
  };
  for (const auto& [word, meant] :
       {Case{"pathh", "path"}, Case{"paht", "path"}, Case{"nme", "name"}, Case{"PATH", "path"},
        Case{"read-only", "read_only"}, Case{"readOnly", "read_only"}, Case{"readonly", "read_only"},
        Case{"option", "options"}, Case{"time_out", "timeout"}, Case{"volume", ""}, Case{"", ""}, Case{"x", ""},
        Case{"zone", ""}}) {
    EXPECT_EQ(nearest(word, known), meant) << word;
  }
  EXPECT_EQ(nearest(std::string(1'000'000, 'n'), known), "");
}

}  // namespace
}  // namespace mooring::agent::goal
