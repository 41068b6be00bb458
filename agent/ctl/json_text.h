// JSON as moord sends it, read without trusting it: what is missing or of another kind is just not there. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace mooring::agent::ctl {

/// Nothing if the text is not one JSON object.
std::optional<boost::json::object> object_from(std::string_view text);

/// A string, or a number as it is written, with control characters escaped so that it can be printed; else empty.
std::string text_at(const boost::json::object& object, std::string_view key);
/// A string as it was sent: not for a terminal.
std::string exact_text_at(const boost::json::object& object, std::string_view key);
std::optional<double> number_at(const boost::json::object& object, std::string_view key);
bool flag_at(const boost::json::object& object, std::string_view key);
const boost::json::object* object_at(const boost::json::object& object, std::string_view key);
/// The objects of a list.
std::vector<const boost::json::object*> objects_at(const boost::json::object& object, std::string_view key);
/// The strings of a list, printable.
std::vector<std::string> texts_at(const boost::json::object& object, std::string_view key);

/// Indented by two, with a line end; nothing in it controls a terminal.
std::string pretty(const boost::json::value& value);
/// On one line, without a line end; nothing in it controls a terminal.
std::string compact(const boost::json::value& value);

}  // namespace mooring::agent::ctl
