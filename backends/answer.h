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

/// The identity, unless its zone is told and is no name. `what` is for the error, as above.
/// Errors: unavailable.
Result<Identity> with_usable_zone(Identity identity, std::string_view what);

/// What is told of an instance beside where it is, as its type: printable, on one line, 1024 bytes at most; empty:
/// it is something else, and not to be shown, logged or put into an answer.
std::string detail(std::string text);

/// Notes a detail, where there is one.
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
