#include "agent/goal/fields.h"

#include <algorithm>

#include "agent/goal/words.h"

namespace mooring::agent::goal {

Fields::Fields(const Node& node, std::string what, Diagnostics& diagnostics)
    : node_(&node), what_(std::move(what)), diagnostics_(diagnostics) {
  if (node.kind == Node::Kind::mapping) return;
  diagnostics_.error(node.at, what_ + " must be a mapping, not " + std::string(kind_of(node)));
}

const Node* Fields::take(std::string_view key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.push_back(key);
  return node_->find(key);
}

const Node* Fields::section(std::string_view key) {
  const Node* node = take(key);
  return node != nullptr && node->kind == Node::Kind::null ? nullptr : node;
}

const Node* Fields::need(std::string_view key) {
  const Node* node = take(key);
  if (node == nullptr) lacks({key}, what_ + " needs " + in_quotes(key));
  return node;
}

void Fields::lacks(std::vector<std::string_view> keys, std::string message) {
  lacking_.push_back({std::move(keys), std::move(message)});
}

void Fields::finish() {
  if (node_->kind != Node::Kind::mapping) return;
  for (const auto& [key, value] : node_->fields) {
    if (std::find(asked_.begin(), asked_.end(), key.text) != asked_.end()) continue;
    const std::string_view meant = nearest(key.text, asked_);
    std::string message = "unknown key " + in_quotes(key.text) + " in " + what_ + "; ";
    if (meant.empty()) {
      message += "known keys: " + enumerate({asked_.begin(), asked_.end()}, "");
    } else {
      message += "did you mean " + in_quotes(meant) + "?";
      // A misspelt key is one mistake: that the right one is missing follows from it.
      std::erase_if(lacking_, [meant](const Lack& lack) {
        return std::find(lack.keys.begin(), lack.keys.end(), meant) != lack.keys.end();
      });
    }
    diagnostics_.error(key.at, std::move(message));
  }
  for (const Lack& lack : lacking_) diagnostics_.error(node_->at, lack.message);
}

}  // namespace mooring::agent::goal
