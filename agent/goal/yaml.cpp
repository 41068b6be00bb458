// YAML through the event parser of yaml-cpp, not its Node: events keep marks, quoting and the order of documents, and
// let us refuse anchors before anything is expanded.
#include <cstddef>
#include <exception>
#include <istream>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "agent/goal/tree.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

/// Thrown through the parser, which has no other way to be stopped; caught in parse_yaml.
struct Stop {};

/// Reads a text where it is: a std::istringstream would copy it.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: setg wants it, nothing is written
    setg(begin, begin, begin + text.size());
  }
};

bool is_null_word(std::string_view text) { return text == "~" || text == "null" || text == "Null" || text == "NULL"; }

class Handler : public YAML::EventHandler {
 public:
  Handler(std::string_view text, Diagnostics& diagnostics)
      : text_(text), positions_(text), diagnostics_(diagnostics), tree_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp takes whatever is left after a document for the next one, with or without a `---` between them.
    if (!first_ && text_.substr(offset(mark), 3) != "---") {
      diagnostics_.error(at(mark),
                         "not valid YAML: this belongs to nothing before it; a new document begins with '---'");
      throw Stop{};
    }
    first_ = false;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    const bool written = is_null_word(word_at(offset(mark)));
    tree_.null(written ? at(mark) : entry_before(offset(mark)), !written);
  }
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override { tree_.null({}, true); }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    diagnostics_.error(at(mark),
                       "anchors (&" + printable(name.substr(0, 40)) + ") are not supported: write the value out");
    readable_ = false;
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    const bool is_string = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (tag != "?") last_string_ = offset(mark);
    check_tag(
        mark, tag,
        {"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool"});
    tree_.scalar(at(mark), value, is_string);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag, {"!", "tag:yaml.org,2002:seq"});
    if (!tree_.begin(Node::Kind::sequence, at(mark))) throw Stop{};
  }
  void OnSequenceEnd() override { tree_.end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag, {"!", "tag:yaml.org,2002:map"});
    if (!tree_.begin(Node::Kind::mapping, at(mark))) throw Stop{};
  }
  void OnMapEnd() override { tree_.end(); }

  void syntax_error(const YAML::Exception& error) {
    if (error.mark.is_null()) {
      diagnostics_.error({}, "not valid YAML: " + printable(error.msg));
      return;
    }
    const std::size_t where = offset(error.mark);
    diagnostics_.error(
        positions_.at(where),
        "not valid YAML: " + (indented_by_tab(where) ? "a tab in the indentation; use spaces" : printable(error.msg)));
  }
  /// yaml-cpp ends a quoted text silently where the input ends.
  bool last_string_is_closed() {
    if (last_string_ == std::string_view::npos || is_closed(last_string_)) return true;
    diagnostics_.error(positions_.at(last_string_), "not valid YAML: the quote that begins here is never closed");
    return false;
  }
  [[nodiscard]] bool readable() const { return readable_; }
  std::vector<Node> release() { return tree_.release(); }

 private:
  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
    const auto byte = static_cast<std::size_t>(mark.pos < 0 ? 0 : mark.pos);
    return byte < text_.size() ? byte : text_.size();
  }
  [[nodiscard]] Position at(const YAML::Mark& mark) const { return positions_.at(offset(mark)); }
  [[nodiscard]] std::string_view word_at(std::size_t offset) const {
    const std::size_t end = text_.find_first_of(" \t\r\n,]}:#", offset);
    return text_.substr(offset, end == std::string_view::npos ? end : end - offset);
  }
  /// An entry without a value (`-` alone) is noticed at the token after it: go back to the line it stands on, over
  /// blank lines and comments, but not far: it is asked for each such entry.
  [[nodiscard]] Position entry_before(std::size_t offset) const {
    constexpr std::size_t kFarthest = 2000;  // bytes
    const std::size_t start = offset > kFarthest ? offset - kFarthest : 0;
    std::string_view before = text_.substr(start, offset - start);
    while (!before.empty()) {
      const std::size_t newline = before.rfind('\n');
      const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      const std::size_t first = before.find_first_not_of(" \t\r", line);
      if (first != std::string_view::npos && before[first] != '#') return positions_.at(start + first);
      before = before.substr(0, line == 0 ? 0 : line - 1);
    }
    return positions_.at(offset);
  }
  [[nodiscard]] bool indented_by_tab(std::size_t offset) const {
    if (offset >= text_.size()) return false;
    const std::size_t newline = text_.rfind('\n', offset);
    const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view indentation = text_.substr(line, text_.find_first_not_of(" \t", line) - line);
    return indentation.find('\t') != std::string_view::npos;
  }
  [[nodiscard]] bool is_closed(std::size_t start) const {
    if (text_[start] == '!') start = text_.find_first_not_of(" \t\r\n", text_.find_first_of(" \t\r\n", start));
    if (start == std::string_view::npos || (text_[start] != '"' && text_[start] != '\'')) return true;
    const char quote = text_[start];
    for (std::size_t i = start + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && quote == '"') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) return true;
        ++i;  // '' is a quote inside
      }
    }
    return false;
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag, std::initializer_list<std::string_view> allowed) {
    if (tag.empty() || tag == "?") return;
    for (const std::string_view one : allowed) {
      if (tag == one) return;
    }
    diagnostics_.error(at(mark), "the tag " + in_quotes(tag) + " has no meaning here; leave it out");
  }

  std::string_view text_;
  Positions positions_;
  Diagnostics& diagnostics_;
  TreeBuilder tree_;
  bool first_ = true;
  bool readable_ = true;
  std::size_t last_string_ = std::string_view::npos;
};

/// YAML 1.2, 5.1: of control characters only tab and line breaks. (yaml-cpp would take U+0004 for the end of the input
/// and a NUL for a sign of UTF-16.)
std::size_t first_unprintable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) return i;
  }
  return std::string_view::npos;
}

}  // namespace

bool parse_yaml(std::string_view text, Diagnostics& diagnostics, std::vector<Node>& documents) {
  if (const std::size_t bad = first_unprintable(text); bad != std::string_view::npos) {
    diagnostics.error(Positions(text).at(bad),
                      "not valid YAML: a control character, " + in_quotes(text.substr(bad, 1)));
    return false;
  }
  Handler handler(text, diagnostics);
  TextBuffer buffer(text);
  std::istream in(&buffer);
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const Stop&) {
    return false;
  } catch (const YAML::Exception& error) {
    handler.syntax_error(error);
    return false;
  } catch (const std::exception& error) {
    diagnostics.error({}, std::string("cannot be read as YAML: ") + error.what());
    return false;
  }
  documents = handler.release();
  return handler.last_string_is_closed() && handler.readable();
}

}  // namespace mooring::agent::goal
