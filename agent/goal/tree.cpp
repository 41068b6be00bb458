#include "agent/goal/tree.h"

#include <algorithm>
#include <utility>

#include "agent/goal/words.h"

namespace mooring::agent::goal {

Positions::Positions(std::string_view text) {
  lines_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') lines_.push_back(i + 1);
    if ((byte & 0xC0U) == 0x80U) inner_.push_back(i);
  }
}

Position Positions::at(std::size_t offset) const {
  const auto next_line = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const std::size_t line_start = *std::prev(next_line);
  const auto inner = std::lower_bound(inner_.begin(), inner_.end(), offset) -
                     std::lower_bound(inner_.begin(), inner_.end(), line_start);
  return {static_cast<int>(next_line - lines_.begin()),
          static_cast<int>(offset - line_start - static_cast<std::size_t>(inner)) + 1};
}

bool TreeBuilder::begin(Node::Kind kind, Position at) {
  if (open_.size() >= static_cast<std::size_t>(kMaxDepth)) {
    diagnostics_.error(at, "nested too deeply: at most " + std::to_string(kMaxDepth) + " levels are read");
    return false;
  }
  Open open;
  open.node.kind = kind;
  open.node.at = at;
  open_.push_back(std::move(open));
  return true;
}

void TreeBuilder::end() {
  Node node = std::move(open_.back().node);
  open_.pop_back();
  add(std::move(node));
}

void TreeBuilder::scalar(Position at, std::string text, bool quoted) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  node.quoted = quoted;
  node.at = at;
  add(std::move(node));
}

void TreeBuilder::null(Position at, bool implied) {
  Node node;
  node.at = at;
  // YAML notices a value that is not there only at the next token; its key is where a reader has to look.
  if (implied && !open_.empty() && open_.back().key) node.at = open_.back().key->at;
  add(std::move(node));
}

void TreeBuilder::add(Node node) {
  if (open_.empty()) {
    documents_.push_back(std::move(node));
    return;
  }
  Open& parent = open_.back();
  if (parent.node.kind == Node::Kind::sequence) {
    parent.node.items.push_back(std::move(node));
  } else if (!parent.key) {
    add_key(parent, std::move(node));
  } else {
    if (!parent.drop_value) parent.node.fields.emplace_back(std::move(*parent.key), std::move(node));
    parent.key.reset();
  }
}

void TreeBuilder::add_key(Open& mapping, Node key) {
  mapping.drop_value = true;
  if (key.kind != Node::Kind::scalar) {
    diagnostics_.error(key.at, "a key must be a single word");
  } else if (const auto [first, is_new] = mapping.seen.try_emplace(key.text, key.at); !is_new) {
    diagnostics_.error(key.at, "key " + in_quotes(key.text) + " stands twice, here and at " + to_string(first->second));
  } else {
    mapping.drop_value = false;
  }
  mapping.key = std::move(key);
}

}  // namespace mooring::agent::goal
