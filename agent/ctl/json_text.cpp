#include "agent/ctl/json_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "agent/goal/words.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

/// JSON leaves DEL and the C1 controls (U+0080 to U+009F) as they are; a terminal may not.
std::string without_controls(const std::string& text) {
  constexpr std::array<char, 17> kDigits{"0123456789abcdef"};
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    if (byte == 0x7F) {
      out += "\\u007f";
    } else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
      out += "\\u00";
      out += kDigits[next >> 4U];
      out += kDigits[next & 0xFU];
      ++at;
    } else {
      out += text[at];
    }
  }
  return out;
}

/// Not as serialize writes it: 3E-1 for 0.3.
std::string number_text(double number) {
  std::array<char, 400> text{};  // of 1.8e308 all digits may be written
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  return std::isfinite(number) ? std::string(text.data(), end.ptr) : "null";
}

std::string string_text(std::string_view text) { return without_controls(json::serialize(json::string_view(text))); }

/// With `indent` nothing, on one line. The parser has limited how deep this goes.
void print(const json::value& value, const std::optional<std::string>& indent, std::string& out) {
  const auto inner = indent ? std::optional(*indent + "  ") : std::nullopt;
  const std::string before = inner ? "\n" + *inner : "";
  const std::string after = indent ? "\n" + *indent : "";
  const char* separator = "";
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      out += separator + before + string_text(member.key()) + (indent ? ": " : ":");
      print(member.value(), inner, out);
      separator = ",";
    }
    out += after + "}";
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    for (const json::value& item : *array) {
      out += separator + before;
      print(item, inner, out);
      separator = ",";
    }
    out += after + "]";
  } else if (value.is_double()) {
    out += number_text(value.get_double());
  } else {
    out += value.is_string() ? string_text(value.get_string()) : json::serialize(value);
  }
}

}  // namespace

std::optional<json::object> object_from(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string exact_text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->get_string());
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value != nullptr && value->is_number()) return compact(*value);
  return goal::printable(exact_text_at(object, key));
}

std::optional<double> number_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<double>(error);
  if (error || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool flag_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::vector<const json::object*> objects_at(const json::object& object, std::string_view key) {
  std::vector<const json::object*> all;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return all;
  for (const json::value& item : value->get_array())
    if (const json::object* one = item.if_object()) all.push_back(one);
  return all;
}

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> all;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return all;
  for (const json::value& item : value->get_array())
    if (item.is_string()) all.push_back(goal::printable(std::string_view(item.get_string())));
  return all;
}

std::string compact(const json::value& value) {
  std::string out;
  print(value, std::nullopt, out);
  return out;
}

std::string pretty(const json::value& value) {
  std::string out;
  print(value, "", out);
  return out + "\n";
}

}  // namespace mooring::agent::ctl
