// Text in aligned columns. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mooring::agent::ctl {

enum class Colour { none, bold, good, bad, warning, faint };

/// The text in its colour, or just the text.
std::string painted(std::string_view text, Colour colour, bool with_colour);

struct Cell {
  Cell(std::string what) : text(std::move(what)) {}  // NOLINT(google-explicit-constructor): a row reads as its words
  Cell(const char* what) : text(what) {}             // NOLINT(google-explicit-constructor)
  Cell(std::string what, Colour in) : text(std::move(what)), colour(in) {}

  std::string text;
  Colour colour = Colour::none;
};

/// Rows of cells, each column as wide as its widest cell, two blanks between them.
class Columns {
 public:
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Without line ends. `width` cuts what is longer, 0 does not.
  [[nodiscard]] std::vector<std::string> lines(bool with_colour, std::size_t width = 0) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

/// Columns of a terminal that a printable UTF-8 text takes: two for the wide characters of East Asia.
std::size_t display_width(std::string_view text);
/// The text, or as much of it as `width` columns take, and then an ellipsis.
std::string cut(std::string_view text, std::size_t width);

}  // namespace mooring::agent::ctl
