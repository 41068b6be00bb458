// YAML and JSON read into one tree that remembers where everything stood.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::agent::goal {

/// 1-based, in characters; 0: not known.
struct Position {
  int line = 0;
  int column = 0;
};

/// `3:12`
std::string to_string(Position at);

struct Node {
  enum class Kind { null, scalar, sequence, mapping };

  Kind kind = Kind::null;
  std::string text;     // of a scalar
  bool quoted = false;  // a quoted "true" or "5" is a string, not a boolean or a number
  std::vector<Node> items;
  std::vector<std::pair<Node, Node>> fields;  // keys are scalars, none twice; in the order of the document
  Position at;

  // Not defaulted here: clang's libstdc++ asks for the size of a pair of Nodes while Node is still incomplete.
  Node();
  Node(const Node& other);
  Node(Node&& other) noexcept;
  Node& operator=(const Node& other);
  Node& operator=(Node&& other) noexcept;
  ~Node();

  /// The value of `key` in a mapping, or nullptr.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Diagnostic {
  std::string source;  // file name, or "request"
  Position at;
  std::string message;
};

/// `broken.yml:4:5: unknown key 'pathh' in a mount; did you mean 'path'?`
std::string to_string(const Diagnostic& diagnostic);

/// All that is wrong with the input, in the order of the input; readers go on after an error.
class Diagnostics {
 public:
  explicit Diagnostics(std::string source) : source_(std::move(source)) {}

  void error(Position at, std::string message);
  [[nodiscard]] bool ok() const { return all_.empty(); }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return all_; }
  [[nodiscard]] const std::string& source() const { return source_; }

 private:
  std::string source_;
  std::vector<Diagnostic> all_;
};

enum class Format { yaml, json };

/// Reads all documents of `text` (JSON: exactly one). Anchors and aliases, keys that stand twice, keys that are no
/// scalars, nesting deeper than 32, more than 16 MiB, and text that is not UTF-8 are errors. What cannot be read at all
/// has no documents. An empty YAML text has none either, and that is no error; an empty JSON text is one.
std::vector<Node> parse(std::string_view text, Format format, Diagnostics& diagnostics);

/// The document of a text that must hold exactly one, or nullptr and an error (none if parse has reported one already).
const Node* only_document(const std::vector<Node>& documents, Diagnostics& diagnostics);

/// The name nearest to `word` by edit distance, if one is near enough to be meant; else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace mooring::agent::goal
