// What the readers of goals, definitions and the configuration share. Private to agent/goal.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/goal/document.h"
#include "agent/goal/fields.h"
#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {

inline const std::vector<std::string_view> kFileSystems{"ext4", "xfs", "btrfs"};

/// A canonical path, or an error; `what` names it in the message.
std::optional<std::string> read_path(const Node& node, std::string_view what, Diagnostics& diagnostics);
/// A string that ends up in a command, a label or a log: without control characters, and not endless.
std::optional<std::string> read_plain_text(const Node& node, std::string_view what, Diagnostics& diagnostics);
/// The plain text of a field, or empty.
std::string plain_text(Fields& fields, std::string_view key, Diagnostics& diagnostics);

/// Fills in each `${{ name }}`; nothing and an error for each that is unknown.
std::optional<std::string> fill_in(std::string_view text, const Variables& variables, Position at,
                                   Diagnostics& diagnostics);
bool has_variable(std::string_view text);
/// A mapping of names to values; null has none.
Variables read_variables(const Node& node, Diagnostics& diagnostics);

/// The definitions of one sequence or stream of documents, no name twice.
class DefinitionReader {
 public:
  /// `needs_type`: a document must say `type: volume`. `with_line`: a definition's source is file:line, not the file.
  DefinitionReader(bool needs_type, bool with_line, Diagnostics& diagnostics)
      : needs_type_(needs_type), with_line_(with_line), diagnostics_(diagnostics) {}
  void read(const Node& node);
  [[nodiscard]] std::vector<Definition> release() { return std::move(definitions_); }

 private:
  bool check_type(const Node& node, Fields& fields);
  void read_fields(Fields& fields, Definition& definition);

  bool needs_type_;
  bool with_line_;
  Diagnostics& diagnostics_;
  std::vector<Definition> definitions_;
  std::unordered_map<std::string, Position> seen_;
};

}  // namespace mooring::agent::goal
