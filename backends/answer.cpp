#include "backends/answer.h"

#include <algorithm>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "text/printable.h"

namespace mooring::backends {
namespace json = boost::json;

Result<json::object> parse_object(std::string_view text, std::string_view what) {
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error) return Error{Errc::unavailable, std::string(what) + " is not JSON (" + error.message() + ")", {}};
  if (!value.is_object()) return Error{Errc::unavailable, std::string(what) + " is not a JSON object", {}};
  return std::move(value.get_object());
}

std::string text_at(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::object* inner = &object;
  const json::value* value = nullptr;
  for (const std::string_view key : path) {
    value = inner == nullptr ? nullptr : inner->if_contains({key.data(), key.size()});
    if (value == nullptr) return {};
    inner = value->if_object();
  }
  if (value == nullptr) return {};
  if (const json::string* text = value->if_string()) return {text->data(), text->size()};
  if (value->is_int64() || value->is_uint64()) return json::serialize(*value);
  return {};
}

Error lacks(std::string_view what, std::string_view missing) {
  return {Errc::unavailable, std::string(what) + " has no usable '" + std::string(missing) + "'", {}};
}

Result<Identity> with_usable_zone(Identity identity, std::string_view what) {
  for (const std::string* zone : {&identity.zone, &identity.zone_id})
    if (!zone->empty() && !is_name(*zone)) return lacks(what, "zone");
  return identity;
}

std::string detail(std::string text) {
  constexpr std::size_t kLongest = 1024;
  if (text.size() > kLongest || !text::is_printable(text)) return {};
  return text;
}

void add_attribute(Identity& identity, std::string name, std::string value) {
  value = detail(std::move(value));
  if (!value.empty()) identity.attributes[std::move(name)] = std::move(value);
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

std::string before_last(std::string_view text, char separator) {
  const auto at = text.rfind(separator);
  return at == std::string_view::npos ? std::string{} : std::string(text.substr(0, at));
}

std::string after_last(std::string_view text, char separator) {
  const auto at = text.rfind(separator);
  return std::string(at == std::string_view::npos ? text : text.substr(at + 1));
}

bool is_name(std::string_view text) {
  constexpr std::size_t kLongest = 256;
  const auto usable = [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\'' && c != '\\' && c != '<'; };
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), usable);
}

}  // namespace mooring::backends
