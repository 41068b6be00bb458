// Reads what a metadata service has answered. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "backends/error.h"
#include "backends/identity.h"

namespace mooring::backends {

/// The text as a JSON object. `what` is for the error: "the instance identity document".
/// Errors: unavailable.
Result<boost::json::object> parse_object(std::string_view text, std::string_view what);

/// The value at `path`, one key below the other: a string, or a number as text; empty: there is none, or it is
/// something else.
std::string text_at(const boost::json::object& object, std::initializer_list<std::string_view> path);

/// An error that says what is missing in an answer: it is not that cloud's, or not what this build can read.
Error lacks(std::string_view what, std::string_view missing);

/// Notes an attribute, where there is something to note.
void add_attribute(Identity& identity, std::string name, std::string value);

/// Without the white space around it.
std::string trimmed(std::string_view text);

/// Up to and after the last `separator`; without one: nothing and everything.
std::string before_last(std::string_view text, char separator);
std::string after_last(std::string_view text, char separator);

/// A name as clouds give them: printable ASCII without white space or quotes, not empty, at most 256 characters. Names
/// end up in URLs, headers and messages.
bool is_name(std::string_view text);

}  // namespace mooring::backends
