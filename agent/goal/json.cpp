// JSON through the event parser of Boost.JSON. It does not say where it is, so it is fed one token at a time.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>

#include "agent/goal/tree.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

namespace json = boost::json;

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kEndsWord = " \t\r\n,:[]{}\"";

/// What Boost.JSON calls (its names). `token` is where the token now being fed began.
struct Handler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  explicit Handler(Diagnostics& diagnostics) : tree(diagnostics) {}

  bool on_document_begin(json::error_code& /*ec*/) { return true; }
  bool on_document_end(json::error_code& /*ec*/) { return true; }
  bool on_object_begin(json::error_code& ec) { return begin(Node::Kind::mapping, ec); }
  bool on_object_end(std::size_t /*n*/, json::error_code& /*ec*/) { return end(); }
  bool on_array_begin(json::error_code& ec) { return begin(Node::Kind::sequence, ec); }
  bool on_array_end(std::size_t /*n*/, json::error_code& /*ec*/) { return end(); }
  bool on_key_part(json::string_view s, std::size_t /*n*/, json::error_code& /*ec*/) { return part(s); }
  bool on_key(json::string_view s, std::size_t /*n*/, json::error_code& /*ec*/) { return scalar(s, true); }
  bool on_string_part(json::string_view s, std::size_t /*n*/, json::error_code& /*ec*/) { return part(s); }
  bool on_string(json::string_view s, std::size_t /*n*/, json::error_code& /*ec*/) { return scalar(s, true); }
  bool on_number_part(json::string_view s, json::error_code& /*ec*/) { return part(s); }
  bool on_int64(std::int64_t /*i*/, json::string_view s, json::error_code& /*ec*/) { return scalar(s, false); }
  bool on_uint64(std::uint64_t /*u*/, json::string_view s, json::error_code& /*ec*/) { return scalar(s, false); }
  bool on_double(double /*d*/, json::string_view s, json::error_code& /*ec*/) { return scalar(s, false); }
  bool on_bool(bool b, json::error_code& /*ec*/) { return scalar(b ? "true" : "false", false); }
  bool on_null(json::error_code& /*ec*/) {
    tree.null(token, false);
    return true;
  }
  bool on_comment_part(json::string_view /*s*/, json::error_code& /*ec*/) { return true; }
  bool on_comment(json::string_view /*s*/, json::error_code& /*ec*/) { return true; }

  bool begin(Node::Kind kind, json::error_code& ec) {
    if (tree.begin(kind, token)) return true;
    ec = json::error::too_deep;  // the tree has reported it
    return false;
  }
  bool end() {
    tree.end();
    return true;
  }
  bool part(json::string_view s) {
    parts.append(s.data(), s.size());
    return true;
  }
  bool scalar(json::string_view s, bool quoted) {
    part(s);
    tree.scalar(token, std::exchange(parts, {}), quoted);
    return true;
  }

  TreeBuilder tree;
  Position token;
  std::string parts;  // of a scalar that came in pieces
};

/// Where the token that begins at `start` ends. Space is a token here; a string is one whole.
std::size_t token_end(std::string_view text, std::size_t start) {
  const char first = text[start];
  std::size_t end = std::string_view::npos;
  if (first == '"') {
    end = start + 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2U : 1U;
    ++end;
  } else if (kSpace.find(first) != std::string_view::npos) {
    end = text.find_first_not_of(kSpace, start);
  } else if (kEndsWord.find(first) != std::string_view::npos) {
    end = start + 1;
  } else {
    end = text.find_first_of(kEndsWord, start);
  }
  return end < text.size() ? end : text.size();
}

bool begins_value(char c) { return std::string_view(" \t\r\n,:]}").find(c) == std::string_view::npos; }

std::string reason(json::error_code ec, std::string_view token) {
  if (ec == json::error::incomplete) return "it ends too early: a quote, '}' or ']' is missing";
  if (token.substr(0, 1) == "'") return "strings stand in double quotes";
  if (token.substr(0, 1) == "/" || token.substr(0, 1) == "#") return "comments are not allowed";
  if (token.substr(0, 1) == "\"") {
    if (const std::size_t bad = first_control(token); bad != std::string_view::npos) {
      return "a control character in a string, " + in_quotes(token.substr(bad, 1)) + "; write it as an escape";
    }
    if (ec != json::error::syntax) return "in this string: " + ec.message();
  }
  const bool has_escape = token.substr(0, 1) == "\"" && token.find('\\') != std::string_view::npos;
  return in_quotes(token.substr(0, token.find_first_of("\r\n"))) + " is not expected here" +
         (has_escape ? ", or has an escape in it that JSON does not know" : "");
}

}  // namespace

bool parse_json(std::string_view text, Diagnostics& diagnostics, std::vector<Node>& documents) {
  const Positions positions(text);
  if (text.find_first_not_of(kSpace) == std::string_view::npos) {
    diagnostics.error({}, "nothing is written here; a JSON object is wanted");
    return false;
  }
  try {
    json::parse_options options;
    options.max_depth = 2 * static_cast<std::size_t>(kMaxDepth);  // the tree refuses sooner, and says what the limit is
    json::basic_parser<Handler> parser(options, diagnostics);
    Handler& handler = parser.handler();
    json::error_code ec;
    for (std::size_t start = 0; start < text.size() && !ec;) {
      const std::size_t end = token_end(text, start);
      const std::string_view token = text.substr(start, end - start);
      const bool is_space = kSpace.find(token.front()) != std::string_view::npos;
      const bool done = !handler.tree.documents().empty();
      if (done && !is_space) {
        diagnostics.error(positions.at(start),
                          "not valid JSON: " + in_quotes(token) + " after the end of the document");
        return false;
      }
      // A number is over only when the next token begins, so that one must not move `token` if it is a separator.
      if (begins_value(token.front())) handler.token = positions.at(start);
      const std::size_t taken = done ? token.size() : parser.write_some(true, token.data(), token.size(), ec);
      if (!ec && taken < token.size()) ec = json::error::syntax;  // a 0 and more digits
      if (ec == json::error::too_deep) return false;
      if (ec) diagnostics.error(positions.at(start), "not valid JSON: " + reason(ec, token));
      start = end;
    }
    if (ec) return false;
    if (handler.tree.documents().empty()) parser.write_some(false, text.data(), 0, ec);
    if (ec) {
      diagnostics.error(positions.at(text.size()), "not valid JSON: " + reason(ec, {}));
      return false;
    }
    documents = handler.tree.release();
    return true;
  } catch (const std::exception& error) {
    diagnostics.error({}, std::string("cannot be read as JSON: ") + error.what());
    return false;
  }
}

}  // namespace mooring::agent::goal
