// What a single value means: the core schema of YAML 1.2 (10.3), durations, sizes.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/goal/fields.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

using std::string_view;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes digits off the front of `text`; nothing if there are none or too many.
std::optional<std::uint64_t> take_integer(string_view& text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<double> core_integer(string_view digits, int base) {
  const auto value = take_integer(digits, base);
  if (!value || !digits.empty()) return std::nullopt;
  return static_cast<double>(*value);
}

/// `digits`, `.5`, `5.`, `5.5`, each with or without an exponent: narrower than what strtod takes (hex, nan(…), inf).
bool has_float_form(string_view text) {
  std::size_t digits = 0;
  std::size_t i = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) ++digits;
  if (i < text.size() && text[i] == '.') {
    for (++i; i < text.size() && is_digit(text[i]); ++i) ++digits;
  }
  if (digits == 0) return false;
  if (i == text.size()) return true;
  if (text[i] != 'e' && text[i] != 'E') return false;
  ++i;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  const std::size_t exponent = i;
  while (i < text.size() && is_digit(text[i])) ++i;
  return i > exponent && i == text.size();
}

std::optional<double> core_number(string_view text) {
  if (text.substr(0, 2) == "0x") return core_integer(text.substr(2), 16);
  if (text.substr(0, 2) == "0o") return core_integer(text.substr(2), 8);
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::numeric_limits<double>::quiet_NaN();
  const bool negative = text.substr(0, 1) == "-";
  if (negative || text.substr(0, 1) == "+") text.remove_prefix(1);
  double value = 0;
  if (text == ".inf" || text == ".Inf" || text == ".INF") {
    value = std::numeric_limits<double>::infinity();
  } else {
    if (!has_float_form(text)) return std::nullopt;
    const auto error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    if (error != std::errc()) return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<bool> core_boolean(const Node& node) {
  if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
  if (node.text == "true" || node.text == "True" || node.text == "TRUE") return true;
  if (node.text == "false" || node.text == "False" || node.text == "FALSE") return false;
  return std::nullopt;
}

/// What stands there, for a message: `'yes'`, `a list`, or `the string 'true'` where only the quotes are wrong.
std::string found(const Node& node) {
  if (node.kind != Node::Kind::scalar) return std::string(kind_of(node));
  return (node.quoted ? "the string " : "") + in_quotes(node.text);
}

void wrong(const Node& node, string_view what, string_view wanted, Diagnostics& diagnostics) {
  if (node.kind == Node::Kind::null) {
    diagnostics.error(node.at, std::string(what) + " has no value: it must be " + std::string(wanted));
  } else {
    diagnostics.error(node.at, std::string(what) + " must be " + std::string(wanted) + ", not " + found(node));
  }
}

std::string key_name(string_view key) { return in_quotes(key); }

std::optional<std::uint64_t> unit_of(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  if (name == "b") return 1;
  if (name.empty()) name = "gb";
  std::uint64_t decimal = 1000;
  std::uint64_t binary = 1024;
  for (const char prefix : {'k', 'm', 'g', 't', 'p'}) {
    if (name == std::string{prefix, 'b'}) return decimal;
    if (name == std::string{prefix, 'i', 'b'}) return binary;
    decimal *= 1000;
    binary *= 1024;
  }
  return std::nullopt;
}

/// What the digits after a decimal point are worth of `unit`. Exact for decimal units, to a few bytes for binary ones.
std::uint64_t fraction_of(string_view digits, std::uint64_t unit) {
  std::uint64_t value = 0;
  for (const char digit : digits) {
    const auto count = static_cast<std::uint64_t>(digit - '0');
    value += unit / 10 * count + unit % 10 * count / 10;
    unit /= 10;
  }
  return value;
}

}  // namespace

std::string_view kind_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
  }
  return "nothing";
}

std::optional<std::string> read_text(const Node& node, string_view what, Diagnostics& diagnostics) {
  if (node.kind != Node::Kind::scalar) {
    wrong(node, what, "a string", diagnostics);
    return std::nullopt;
  }
  if (core_boolean(node)) {
    diagnostics.error(node.at,
                      std::string(what) + " must be a string; if " + node.text + " is meant, put it in quotes");
    return std::nullopt;
  }
  return node.text;
}

std::optional<double> read_number(const Node& node, string_view what, Diagnostics& diagnostics) {
  if (node.kind == Node::Kind::scalar && !node.quoted) {
    if (const auto value = core_number(node.text)) return value;
  }
  wrong(node, what, "a number", diagnostics);
  return std::nullopt;
}

std::vector<std::string> read_texts(const Node& node, string_view what, Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  if (node.kind != Node::Kind::sequence) {
    wrong(node, what, "a list of strings", diagnostics);
    return texts;
  }
  for (const Node& item : node.items) {
    if (auto text = read_text(item, "each entry of " + std::string(what), diagnostics))
      texts.push_back(std::move(*text));
  }
  return texts;
}

std::optional<std::string> Fields::text(string_view key) {
  const Node* node = take(key);
  return node == nullptr ? std::nullopt : read_text(*node, key_name(key), diagnostics_);
}

std::optional<bool> Fields::boolean(string_view key) {
  const Node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto value = core_boolean(*node);
  if (!value) wrong(*node, key_name(key), "true or false", diagnostics_);
  return value;
}

std::optional<double> Fields::number(string_view key) {
  const Node* node = take(key);
  return node == nullptr ? std::nullopt : read_number(*node, key_name(key), diagnostics_);
}

std::optional<std::chrono::milliseconds> Fields::duration(string_view key) {
  const Node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->kind == Node::Kind::scalar ? parse_duration(node->text) : std::nullopt;
  if (!value) {
    wrong(*node, key_name(key), "a duration such as 90s, 5m, 250ms or 1h, at most a year", diagnostics_);
  }
  return value;
}

std::optional<std::uint64_t> Fields::size(string_view key) {
  const Node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->kind == Node::Kind::scalar ? parse_size(node->text) : std::nullopt;
  if (!value) wrong(*node, key_name(key), "a size such as 100GB, 1.5TB or 512MiB", diagnostics_);
  return value;
}

std::vector<std::string> Fields::texts(string_view key) {
  const Node* node = take(key);
  return node == nullptr ? std::vector<std::string>{} : read_texts(*node, key_name(key), diagnostics_);
}

std::optional<std::string> Fields::one_of(string_view key, const std::vector<string_view>& allowed) {
  const Node* node = take(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == Node::Kind::scalar) {
    const auto match = std::find(allowed.begin(), allowed.end(), node->text);
    if (match != allowed.end()) return node->text;
  }
  wrong(*node, key_name(key), enumerate({allowed.begin(), allowed.end()}, "or"), diagnostics_);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(string_view text) {
  constexpr std::int64_t kDay = 24LL * 60 * 60 * 1000;
  constexpr std::array<std::pair<string_view, std::int64_t>, 5> kUnits{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", kDay}}};
  const auto count = take_integer(text);
  if (!count) return std::nullopt;
  for (const auto& [name, unit] : kUnits) {
    if (text != name) continue;
    if (*count > static_cast<std::uint64_t>(365 * kDay / unit)) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(*count) * unit);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(string_view text) {
  const auto whole = take_integer(text);
  if (!whole) return std::nullopt;
  string_view digits;
  if (text.substr(0, 1) == ".") {
    std::size_t end = 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    digits = text.substr(1, end - 1);
    if (digits.empty()) return std::nullopt;
    text.remove_prefix(end);
  }
  while (text.substr(0, 1) == " ") text.remove_prefix(1);
  const auto unit = unit_of(std::string(text.substr(0, 4)));
  if (!unit || text.size() > 3) return std::nullopt;
  const std::uint64_t fraction = fraction_of(digits, *unit);
  if (*whole > (std::numeric_limits<std::uint64_t>::max() - fraction) / *unit) return std::nullopt;
  const std::uint64_t bytes = *whole * *unit + fraction;
  return bytes == 0 ? std::nullopt : std::optional(bytes);
}

}  // namespace mooring::agent::goal
