#include "agent/ctl/columns.h"

#include <algorithm>

namespace mooring::agent::ctl {
namespace {

constexpr std::size_t kGap = 2;

std::size_t length_of(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Near enough for names and paths: U+1100 and above are taken for wide, but for general punctuation such as `…`.
std::size_t width_of(std::string_view character) {
  if (character.size() < 3) return 1;
  const auto lead = static_cast<unsigned char>(character[0]);
  const auto next = static_cast<unsigned char>(character[1]);
  if (lead == 0xE1) return next < 0x84 ? 1 : 2;
  return lead == 0xE0 || lead == 0xE2 ? 1 : 2;
}

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::bold:
      return "\033[1m";
    case Colour::good:
      return "\033[32m";
    case Colour::bad:
      return "\033[31m";
    case Colour::warning:
      return "\033[33m";
    case Colour::faint:
      return "\033[2m";
  }
  return "";
}

}  // namespace

std::string painted(std::string_view text, Colour colour, bool with_colour) {
  if (!with_colour || colour == Colour::none || text.empty()) return std::string(text);
  return std::string(code_of(colour)) + std::string(text) + "\033[0m";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = text.substr(at, length_of(text[at]));
    width += width_of(character);
    at += character.size();
  }
  return width;
}

std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string out;
  std::size_t taken = 1;  // the ellipsis
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = text.substr(at, length_of(text[at]));
    taken += width_of(character);
    if (taken > width) break;
    out += character;
    at += character.size();
  }
  return out + "…";
}

std::vector<std::string> Columns::lines(bool with_colour, std::size_t width) const {
  std::vector<std::size_t> widest;
  for (const auto& row : rows_) {
    if (row.size() > widest.size()) widest.resize(row.size());
    // The last cell of a row ends the line: it makes no column wider.
    for (std::size_t i = 0; i + 1 < row.size(); ++i) widest[i] = std::max(widest[i], display_width(row[i].text));
  }
  std::vector<std::string> all;
  for (const auto& row : rows_) {
    std::string line;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (width > 0 && taken >= width) break;
      const std::string text = width > 0 ? cut(row[i].text, width - taken) : row[i].text;
      line += painted(text, row[i].colour, with_colour);
      taken += display_width(text);
      // An empty rest leaves no blanks at the end of the line.
      const bool last = std::all_of(row.begin() + static_cast<std::ptrdiff_t>(i) + 1, row.end(),
                                    [](const Cell& cell) { return cell.text.empty(); });
      if (last) break;
      std::size_t blanks = widest[i] + kGap - std::min(widest[i], display_width(row[i].text));
      if (width > 0) blanks = std::min(blanks, width - std::min(taken, width));
      line.append(blanks, ' ');
      taken += blanks;
    }
    all.push_back(std::move(line));
  }
  return all;
}

}  // namespace mooring::agent::ctl
