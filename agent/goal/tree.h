// What the YAML and the JSON parser share: where an offset is, and the building of the tree. Private to agent/goal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/goal/document.h"

namespace mooring::agent::goal {

/// Turns byte offsets of a UTF-8 text into lines and columns, each in O(log n).
class Positions {
 public:
  explicit Positions(std::string_view text);
  [[nodiscard]] Position at(std::size_t offset) const;

 private:
  std::vector<std::size_t> lines_;  // where each line begins
  std::vector<std::size_t> inner_;  // bytes that continue a character, which columns do not count
};

/// Puts the events of a parser together to documents. Keys that are no scalars or stand twice are reported and left
/// out.
class TreeBuilder {
 public:
  explicit TreeBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  /// False, and an error: too deep; the parser must stop.
  [[nodiscard]] bool begin(Node::Kind kind, Position at);
  void end();
  void scalar(Position at, std::string text, bool quoted);
  /// `implied`: nothing is written there, and `at` is only where the parser noticed.
  void null(Position at, bool implied);

  [[nodiscard]] const std::vector<Node>& documents() const { return documents_; }
  [[nodiscard]] std::vector<Node> release() { return std::move(documents_); }

 private:
  struct Open {
    Node node;
    std::optional<Node> key;  // read, its value is still to come
    bool drop_value = false;
    std::unordered_map<std::string, Position> seen;
  };
  void add(Node node);
  void add_key(Open& mapping, Node key);

  Diagnostics& diagnostics_;
  std::vector<Open> open_;
  std::vector<Node> documents_;
};

/// Both append documents, or report why the text cannot be read (then what was appended is not to be used) and return
/// false. `text` is UTF-8 without a byte order mark.
bool parse_yaml(std::string_view text, Diagnostics& diagnostics, std::vector<Node>& documents);
bool parse_json(std::string_view text, Diagnostics& diagnostics, std::vector<Node>& documents);

}  // namespace mooring::agent::goal
