// The body of a request, and files given to moorctl.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/goal/readers.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

using std::string_view;

std::optional<Owner> read_owner(const Node& node, Diagnostics& diagnostics) {
  Fields fields(node, "'owner'", diagnostics);
  std::optional<Owner> owner;
  if (const Node* pid = fields.need("pid"); pid != nullptr) {
    const auto number = read_number(*pid, "'pid'", diagnostics);
    // 1 is init: it never ends, and nothing would ever be released.
    const bool is_pid =
        number && *number > 1 && *number <= std::numeric_limits<pid_t>::max() && std::trunc(*number) == *number;
    if (is_pid) {
      owner = Owner{static_cast<pid_t>(*number)};
    } else if (number) {
      diagnostics.error(pid->at, "'pid' must be the number of a process, more than 1, not " + in_quotes(pid->text));
    }
  }
  fields.finish();
  return owner;
}

std::vector<Definition> read_definition_list(const Node& node, bool with_line, Diagnostics& diagnostics) {
  if (node.kind != Node::Kind::sequence) {
    diagnostics.error(node.at, "'definitions' must be a list, not " + std::string(kind_of(node)));
    return {};
  }
  DefinitionReader reader(false, with_line, diagnostics);
  for (const Node& item : node.items) reader.read(item);
  return reader.release();
}

std::vector<Mount> read_wanted_mounts(Fields& fields, const Variables& variables, Diagnostics& diagnostics) {
  const Node* volumes = fields.need("volumes");
  if (volumes == nullptr) return {};
  const bool is_empty =
      volumes->kind == Node::Kind::null || (volumes->kind == Node::Kind::sequence && volumes->items.empty());
  if (is_empty) {
    diagnostics.error(volumes->at, "'volumes' is empty: write at least one mount");
    return {};
  }
  return read_mounts(*volumes, variables, diagnostics);
}

/// Those of the document, and over them those given beside it.
Variables all_variables(Fields& fields, const Variables& more, Diagnostics& diagnostics) {
  Variables variables = more;
  if (const Node* own = fields.take("variables"); own != nullptr) variables.merge(read_variables(*own, diagnostics));
  return variables;
}

/// The keys that requests and our own goal files share.
TaskGoal read_common(Fields& fields, const Variables& more, bool with_line, Diagnostics& diagnostics) {
  TaskGoal goal;
  const Variables variables = all_variables(fields, more, diagnostics);
  goal.mounts = read_wanted_mounts(fields, variables, diagnostics);
  if (const Node* definitions = fields.section("definitions"); definitions != nullptr) {
    goal.definitions = read_definition_list(*definitions, with_line, diagnostics);
  }
  return goal;
}

/// What a `type:` that dstack knows, but that has no mounts, asks for.
std::string wrong_type(const Node& type) {
  if (type.kind == Node::Kind::scalar && type.text == "volume") {
    return "'type: volume' is a definition, not a goal: put it into the directory of definitions, or give it with "
           "--definitions";
  }
  const std::string found = type.kind == Node::Kind::scalar ? in_quotes(type.text) : std::string(kind_of(type));
  return "'type' must be task, dev-environment or service (a dstack run configuration), not " + found;
}

}  // namespace

TaskGoal read_request(const Node& document, const Variables& more, Diagnostics& diagnostics) {
  Fields fields(document, "the request", diagnostics);
  if (document.kind != Node::Kind::mapping) return {};
  TaskGoal goal = read_common(fields, more, false, diagnostics);
  if (const Node* owner = fields.section("owner"); owner != nullptr) goal.owner = read_owner(*owner, diagnostics);
  fields.finish();
  return goal;
}

TaskGoal read_goal_file(const Node& document, const Variables& variables, Diagnostics& diagnostics) {
  Fields fields(document, "the file", diagnostics);
  if (document.kind != Node::Kind::mapping) return {};
  const Node* type = document.find("type");
  if (type == nullptr) {
    TaskGoal goal = read_common(fields, variables, true, diagnostics);
    fields.finish();
    return goal;
  }
  constexpr std::array<string_view, 3> kRunTypes{"task", "dev-environment", "service"};
  const bool is_run =
      type->kind == Node::Kind::scalar && std::find(kRunTypes.begin(), kRunTypes.end(), type->text) != kRunTypes.end();
  if (!is_run) {
    diagnostics.error(type->at, wrong_type(*type));
    return {};
  }
  TaskGoal goal;
  if (document.find("volumes") == nullptr) {
    diagnostics.error(document.at, "no 'volumes' in this run configuration: there is nothing to mount");
  } else {
    goal.mounts = read_wanted_mounts(fields, variables, diagnostics);
  }
  return goal;  // no finish(): all the rest is dstack's
}

}  // namespace mooring::agent::goal
