#include "agent/goal/document.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <tuple>

#include "agent/goal/tree.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

char folded(char c) { return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Edits from `a` to `b`; two neighbours swapped are one edit. Case, and `-` for `_`, cost nothing.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> before(width);
  std::vector<std::size_t> last(width);
  std::vector<std::size_t> row(width);
  for (std::size_t j = 0; j < width; ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j < width; ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      const bool swapped =
          i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

bool is_before(Position a, Position b) { return std::tie(a.line, a.column) < std::tie(b.line, b.column); }

}  // namespace

Node::Node() = default;
Node::Node(const Node& other) = default;
Node::Node(Node&& other) noexcept = default;
Node& Node::operator=(const Node& other) = default;
Node& Node::operator=(Node&& other) noexcept = default;
Node::~Node() = default;

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

std::string to_string(Position at) { return std::to_string(at.line) + ":" + std::to_string(at.column); }

std::string to_string(const Diagnostic& diagnostic) {
  std::string out = diagnostic.source;
  if (diagnostic.at.line > 0) out += (out.empty() ? "" : ":") + to_string(diagnostic.at);
  return out.empty() ? diagnostic.message : out + ": " + diagnostic.message;
}

void Diagnostics::error(Position at, std::string message) {
  // Nearly always the last: readers go through the input from its beginning to its end.
  auto next = all_.end();
  while (next != all_.begin() && is_before(at, std::prev(next)->at)) --next;
  all_.insert(next, Diagnostic{source_, at, std::move(message)});
}

std::vector<Node> parse(std::string_view text, Format format, Diagnostics& diagnostics) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kMaxText) {
    diagnostics.error({}, "too long: at most " + std::to_string(kMaxText >> 20U) + " MiB are read");
    return {};
  }
  if (const std::size_t bad = first_invalid_utf8(text); bad != std::string_view::npos) {
    diagnostics.error(Positions(text).at(bad), "not UTF-8 here; save the text as UTF-8");
    return {};
  }
  std::vector<Node> documents;
  const bool read =
      format == Format::json ? parse_json(text, diagnostics, documents) : parse_yaml(text, diagnostics, documents);
  if (!read) documents.clear();  // of half a tree only misleading things could be said
  return documents;
}

const Node* only_document(const std::vector<Node>& documents, Diagnostics& diagnostics) {
  if (documents.size() == 1) return &documents.front();
  if (documents.size() > 1) {
    diagnostics.error(documents[1].at, "a second document; only one is wanted here");
  } else if (diagnostics.ok()) {
    diagnostics.error({}, "nothing is written here");
  }
  return nullptr;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t kLongestKey = 40;  // no key of ours is longer; and the work grows with the square
  std::string_view best;
  std::size_t best_distance = 0;
  if (word.size() > kLongestKey) return best;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    const std::size_t near_enough = (std::max(word.size(), candidate.size()) + 2) / 4;
    if (distance <= near_enough && (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace mooring::agent::goal
