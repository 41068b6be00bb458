// ${{ dstack.node_rank }} in the names of volumes.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/goal/readers.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

constexpr std::string_view kOpen = "${{";
constexpr std::string_view kClose = "}}";

std::string unknown_variable(std::string_view name, const Variables& variables) {
  if (name == "dstack.node_rank" || name == "dstack.job_num") {
    return "variable " + in_quotes(name) + " has no value: give it with the task's variables";
  }
  std::vector<std::string> known;
  known.reserve(variables.size());
  for (const auto& [key, value] : variables) known.push_back(in_quotes(key));
  return "unknown variable " + in_quotes(name) + "; " +
         (known.empty() ? "this task has no variables" : "known variables: " + enumerate(known, ""));
}

}  // namespace

bool has_variable(std::string_view text) { return text.find(kOpen) != std::string_view::npos; }

std::optional<std::string> fill_in(std::string_view text, const Variables& variables, Position at,
                                   Diagnostics& diagnostics) {
  std::string out;
  bool all_known = true;
  while (true) {
    const std::size_t open = text.find(kOpen);
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find(kClose, open);
    if (close == std::string_view::npos) {
      diagnostics.error(at, "'${{' without '}}' in " + in_quotes(text));
      return std::nullopt;
    }
    const std::string_view name = trimmed(text.substr(open + kOpen.size(), close - open - kOpen.size()));
    text.remove_prefix(close + kClose.size());
    const auto value = variables.find(std::string(name));
    if (value == variables.end()) {
      diagnostics.error(at, unknown_variable(name, variables));
      all_known = false;
      continue;
    }
    out += value->second;
    // Many times a long value is a lot of memory, and too long for a name already.
    if (out.size() > kMaxName) break;
  }
  return all_known ? std::optional(std::move(out)) : std::nullopt;
}

Variables read_variables(const Node& node, Diagnostics& diagnostics) {
  Variables variables;
  if (node.kind == Node::Kind::null) return variables;
  if (node.kind != Node::Kind::mapping) {
    diagnostics.error(node.at, "'variables' must be a mapping of names to values, not " + std::string(kind_of(node)));
    return variables;
  }
  for (const auto& [key, value] : node.fields) {
    if (value.kind == Node::Kind::scalar) {
      variables[key.text] = value.text;
    } else {
      diagnostics.error(
          value.at, "variable " + in_quotes(key.text) + " must be a single value, not " + std::string(kind_of(value)));
    }
  }
  return variables;
}

}  // namespace mooring::agent::goal
