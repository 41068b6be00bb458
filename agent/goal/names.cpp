// What names and paths may look like.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "agent/goal/readers.h"
#include "agent/goal/task_goal.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool is_letter_or_digit(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// Offset of the first character a name must not have, or kNone.
std::size_t first_wrong(std::string_view name) {
  const auto* const wrong = std::find_if(name.begin(), name.end(), [&name](const char& c) {
    return !is_letter_or_digit(c) && (&c == name.data() || (c != '.' && c != '_' && c != '-'));
  });
  return wrong == name.end() ? kNone : static_cast<std::size_t>(wrong - name.begin());
}

/// The whole UTF-8 character at `at`.
std::string_view character(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  return text.substr(at, end - at);
}

/// Drops empty parts and `.`; false for `..` or a part that no file system takes.
bool append_parts(std::string_view path, std::string& out, std::string& why) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      why = "has '..' in it: write where it leads";
      return false;
    }
    if (part.size() > kMaxPathPart) {
      why = "has a part of " + std::to_string(part.size()) + " bytes; at most " + std::to_string(kMaxPathPart) +
            " stand between two slashes";
      return false;
    }
    out += '/';
    out += part;
  }
  if (out.empty()) out = "/";
  return true;
}

}  // namespace

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && first_wrong(name) == kNone;
}

std::string invalid_name(std::string_view kind, std::string_view name) {
  const std::string subject = std::string(kind) + " " + in_quotes(name);
  const std::size_t wrong = first_wrong(name);
  if (name.empty()) return std::string(kind) + " is empty";
  if (wrong == kNone) {
    return subject + " is too long: it has " + std::to_string(name.size()) + " characters; at most " +
           std::to_string(kMaxName) + " are allowed";
  }
  if (wrong == 0) {
    return subject + " begins with " + in_quotes(character(name, 0)) +
           ": the first must be a letter or digit (A-Z a-z 0-9)";
  }
  return subject + " has " + in_quotes(character(name, wrong)) + " in it: only A-Z a-z 0-9 . _ - are allowed";
}

std::string normalise_path(std::string_view path, std::string& why) {
  why.clear();
  std::string out;
  if (path.empty()) {
    why = "is empty";
  } else if (first_invalid_utf8(path) != kNone) {
    why = "is not UTF-8";
  } else if (first_control(path) != kNone) {
    why = "has a control character in it";
  } else if (path.front() != '/') {
    why = "is not absolute: it must begin with '/'";
  } else if (path.size() > kMaxPath) {
    why = "is too long: it has more than " + std::to_string(kMaxPath) + " bytes";
  } else if (!append_parts(path, out, why)) {
    out.clear();
  }
  return out;
}

std::optional<std::string> read_path(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  const auto text = read_text(node, what, diagnostics);
  if (!text) return std::nullopt;
  std::string why;
  std::string path = normalise_path(*text, why);
  if (why.empty() && has_variable(*text)) why = "has '${{' in it: variables are filled in only in names of volumes";
  if (why.empty()) return path;
  diagnostics.error(node.at, std::string(what) + " " + (text->empty() ? "" : in_quotes(*text) + " ") + why);
  return std::nullopt;
}

std::optional<std::string> read_plain_text(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  constexpr std::size_t kLongest = 4096;  // bytes; longer than any identifier of a cloud
  auto text = read_text(node, what, diagnostics);
  if (!text) return std::nullopt;
  if (first_control(*text) != kNone) {
    diagnostics.error(node.at, std::string(what) + " has a control character in it: " + in_quotes(*text));
    return std::nullopt;
  }
  if (text->size() > kLongest) {
    diagnostics.error(node.at,
                      std::string(what) + " is too long: it has more than " + std::to_string(kLongest) + " bytes");
    return std::nullopt;
  }
  return text;
}

std::string plain_text(Fields& fields, std::string_view key, Diagnostics& diagnostics) {
  const Node* node = fields.take(key);
  if (node == nullptr) return {};
  return read_plain_text(*node, in_quotes(key), diagnostics).value_or("");
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  std::uint64_t scale = 1;
  // 999.95 and more would round to 1000: take the next unit then.
  while (unit + 1 < kUnits.size() && bytes >= (unit == 0 ? 1000 : scale * 1000 - scale / 20)) {
    scale *= 1000;
    ++unit;
  }
  if (unit == 0) return std::to_string(bytes) + " B";
  const std::uint64_t tenth = scale / 10;
  const std::uint64_t tenths = bytes / tenth + (bytes % tenth >= tenth / 2 ? 1 : 0);
  std::string out = std::to_string(tenths / 10);
  if (tenths % 10 != 0) out += "." + std::to_string(tenths % 10);
  return out + " " + std::string(kUnits[unit]);
}

}  // namespace mooring::agent::goal
