// The `volumes:` syntax.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/goal/readers.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

using std::string_view;

constexpr string_view kHowToWrite = "a mapping with 'name' and 'path', or a string such as vol:/path";

/// Reads the mounts of one task, one after the other, and remembers what may stand only once in it.
class MountReader {
 public:
  MountReader(const Variables& variables, Diagnostics& diagnostics)
      : variables_(variables), diagnostics_(diagnostics) {}
  Mount read(const Node& node);

 private:
  void read_mapping(const Node& node, Mount& mount);
  void read_string(const Node& node, Mount& mount);
  void read_names(const Node& node, Mount& mount);
  void read_volume_fields(Fields& fields, Mount& mount);
  void refuse_volume_fields(Fields& fields);
  void add_name(string_view text, Position at, Mount& mount);
  void read_target(const Node& node, Mount& mount);

  const Variables& variables_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string, Position> names_;
  std::unordered_map<std::string, Position> paths_;
};

Node string_node(string_view text, Position at) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.quoted = true;
  node.at = at;
  return node;
}

Mount MountReader::read(const Node& node) {
  Mount mount;
  if (node.kind == Node::Kind::mapping) {
    read_mapping(node, mount);
  } else if (node.kind == Node::Kind::scalar) {
    read_string(node, mount);
  } else {
    diagnostics_.error(node.at, "a mount must be " + std::string(kHowToWrite) + ", not " + std::string(kind_of(node)));
  }
  return mount;
}

void MountReader::read_mapping(const Node& node, Mount& mount) {
  Fields fields(node, "a mount", diagnostics_);
  const Node* name = fields.take("name");
  const Node* instance_path = fields.take("instance_path");
  if (name != nullptr && instance_path != nullptr) {
    diagnostics_.error(instance_path->at,
                       "'instance_path' and 'name' in one mount: it is either a directory of the instance or a volume");
  } else if (name == nullptr && instance_path == nullptr) {
    fields.lacks({"name", "instance_path"},
                 "a mount needs 'name' (a volume) or 'instance_path' (a directory of the instance)");
  }
  if (name != nullptr) read_names(*name, mount);
  if (instance_path != nullptr) {
    mount.instance_path = read_path(*instance_path, "'instance_path'", diagnostics_).value_or("");
  }
  if (const Node* path = fields.need("path"); path != nullptr) read_target(*path, mount);
  mount.read_only = fields.boolean("read_only").value_or(false);
  mount.optional = fields.boolean("optional").value_or(false);
  if (instance_path != nullptr && name == nullptr) {
    refuse_volume_fields(fields);
  } else {
    read_volume_fields(fields, mount);
  }
  mount.timeout = fields.duration("timeout");
  if (mount.timeout && mount.timeout->count() == 0) {
    diagnostics_.error(node.find("timeout")->at, "'timeout' must be more than 0");
  }
  fields.finish();
}

void MountReader::read_volume_fields(Fields& fields, Mount& mount) {
  if (fields.one_of("prefer", {"order", "cheapest"}) == "cheapest") mount.prefer = Prefer::cheapest;
  mount.fs = fields.one_of("fs", kFileSystems).value_or("");
  mount.options = fields.texts("options");
  const Node* options = fields.take("options");
  if (options == nullptr) return;
  for (const Node& option : options->items) {
    if (option.kind != Node::Kind::scalar) continue;  // reported above
    // mount(8) takes options joined by commas, and the mount table has them between blanks.
    if (option.text.empty()) {
      diagnostics_.error(option.at, "an empty mount option");
    } else if (option.text.find_first_of(", ") != std::string::npos) {
      diagnostics_.error(option.at, "mount option " + in_quotes(option.text) +
                                        " has a comma or a blank in it: write each option as an entry of its own");
    } else if (first_control(option.text) != std::string::npos) {
      diagnostics_.error(option.at, "mount option " + in_quotes(option.text) + " has a control character in it");
    }
  }
}

void MountReader::refuse_volume_fields(Fields& fields) {
  for (const string_view key : {"prefer", "fs", "options"}) {
    if (const Node* node = fields.take(key); node != nullptr) {
      diagnostics_.error(node->at,
                         in_quotes(key) + " is for volumes; a directory of the instance ('instance_path') has none");
    }
  }
}

void MountReader::read_names(const Node& node, Mount& mount) {
  if (node.kind == Node::Kind::sequence) {
    if (node.items.empty()) diagnostics_.error(node.at, "'name' is an empty list: name at least one volume");
    for (const Node& item : node.items) {
      if (const auto text = read_text(item, "each entry of 'name'", diagnostics_)) add_name(*text, item.at, mount);
    }
  } else if (node.kind == Node::Kind::mapping) {
    diagnostics_.error(node.at, "'name' must be a string or a list of strings, not a mapping");
  } else if (const auto text = read_text(node, "'name'", diagnostics_)) {
    add_name(*text, node.at, mount);
  }
}

void MountReader::add_name(string_view text, Position at, Mount& mount) {
  auto name = fill_in(text, variables_, at, diagnostics_);
  if (!name) return;
  if (!is_valid_name(*name)) {
    const bool filled = *name != text;
    diagnostics_.error(
        at, invalid_name("volume name", *name) + (filled ? " (filled in from " + in_quotes(text) + ")" : ""));
    return;
  }
  if (const auto [first, is_new] = names_.try_emplace(*name, at); !is_new) {
    diagnostics_.error(at, in_quotes(*name) + " is named twice, here and at " + to_string(first->second) +
                               ": one volume can be mounted only once in a task");
    return;
  }
  mount.names.push_back(std::move(*name));
}

void MountReader::read_target(const Node& node, Mount& mount) {
  auto path = read_path(node, "'path'", diagnostics_);
  if (!path) return;
  if (*path == "/") {
    diagnostics_.error(node.at, "'path' is '/': a mount there would hide everything; mount below it");
    return;
  }
  if (const auto [first, is_new] = paths_.try_emplace(*path, node.at); !is_new) {
    diagnostics_.error(node.at, in_quotes(*path) + " is the path of two mounts, here and at " +
                                    to_string(first->second) + ": each needs a path of its own");
    return;
  }
  mount.path = std::move(*path);
}

void MountReader::read_string(const Node& node, Mount& mount) {
  const string_view text = node.text;
  const auto colons = std::count(text.begin(), text.end(), ':');
  if (colons != 1) {
    diagnostics_.error(node.at,
                       in_quotes(text) + " is not a mount: it must have one ':', as in vol:/path or /host/dir:/path" +
                           (colons > 1 ? "; what has more is written as a mapping with 'name' and 'path'" : ""));
    return;
  }
  const std::size_t colon = text.find(':');
  const string_view left = text.substr(0, colon);
  if (left.substr(0, 1) == "/") {
    mount.instance_path = read_path(string_node(left, node.at), "'instance_path'", diagnostics_).value_or("");
  } else {
    for (std::size_t at = 0; at <= left.size();) {
      const std::size_t comma = std::min(left.find(',', at), left.size());
      add_name(trimmed(left.substr(at, comma - at)), node.at, mount);
      at = comma + 1;
    }
  }
  read_target(string_node(text.substr(colon + 1), node.at), mount);
}

}  // namespace

std::vector<Mount> read_mounts(const Node& sequence, const Variables& variables, Diagnostics& diagnostics) {
  std::vector<Mount> mounts;
  if (sequence.kind != Node::Kind::sequence) {
    diagnostics.error(sequence.at, "'volumes' must be a list of mounts, not " + std::string(kind_of(sequence)));
    return mounts;
  }
  MountReader reader(variables, diagnostics);
  mounts.reserve(sequence.items.size());
  for (const Node& item : sequence.items) mounts.push_back(reader.read(item));
  return mounts;
}

std::vector<Mount> read_short_mounts(const std::vector<std::string>& words, const Variables& variables,
                                     Diagnostics& diagnostics) {
  MountReader reader(variables, diagnostics);
  std::vector<Mount> mounts;
  mounts.reserve(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    mounts.push_back(reader.read(string_node(words[i], {1, static_cast<int>(i) + 1})));
  }
  return mounts;
}

}  // namespace mooring::agent::goal
