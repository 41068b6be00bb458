#include "backends/aws/shared_config.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "backends/http/text.h"

namespace mooring::backends::aws {
namespace {

constexpr std::string_view kSpace = " \t\r\f\v";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// A '#' or ';' within a value belongs to it, after white space it begins a comment.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = i == 0 || kSpace.find(text[i - 1]) != std::string_view::npos;
    if (begins && (text[i] == '#' || text[i] == ';')) return text.substr(0, i);
  }
  return text;
}

std::string unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.front() == text.back();
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

struct Section {
  std::string name;
  bool prefixed = false;  // "profile " stood before it
};

/// What is between the brackets; empty: not the name of a profile.
std::optional<Section> read_section(std::string_view text, SharedFile kind) {
  constexpr std::string_view kPrefix = "profile";
  const bool prefixed = kind == SharedFile::config && text.starts_with(kPrefix) && text.size() > kPrefix.size() &&
                        kSpace.find(text[kPrefix.size()]) != std::string_view::npos;
  if (prefixed) text = trim(text.substr(kPrefix.size()));
  if (kind == SharedFile::config && !prefixed && text != "default") return std::nullopt;
  std::string name = unquoted(text);
  if (name.empty()) return std::nullopt;
  return Section{std::move(name), prefixed};
}

class Reader {
 public:
  explicit Reader(SharedFile kind) : kind_(kind) {}

  void line(std::string_view text) {
    const auto indent = text.find_first_not_of(kSpace);
    const std::string_view content = trim(text);
    if (content.empty() || content.front() == '#' || content.front() == ';') return;
    if (content.front() == '[') {
      section(content);
      return;
    }
    // Deeper than the property before it: a part of that one.
    if (after_property_ && indent > indent_) return;
    const auto separator = content.find_first_of("=:");
    if (separator == std::string_view::npos || separator == 0) return;
    after_property_ = true;
    indent_ = indent;
    if (current_ == nullptr) return;
    const std::string_view value = trim(without_comment(content.substr(separator + 1)));
    (*current_)[http::lower(trim(content.substr(0, separator)))] = std::string(value);
  }

  Profiles profiles;

 private:
  void section(std::string_view content) {
    current_ = nullptr;
    after_property_ = false;
    const auto end = content.find(']');
    if (end == std::string_view::npos) return;
    const auto found = read_section(trim(content.substr(1, end - 1)), kind_);
    if (!found) return;
    // [profile default] is the real one, wherever it stands: nothing of [default] counts beside it.
    if (kind_ == SharedFile::config && found->name == "default") {
      if (!found->prefixed && prefixed_default_) return;
      if (found->prefixed && !std::exchange(prefixed_default_, true)) profiles.erase(found->name);
    }
    current_ = &profiles[found->name];
  }

  SharedFile kind_;
  Properties* current_ = nullptr;  // nodes of a map stay where they are
  bool prefixed_default_ = false;
  bool after_property_ = false;
  std::size_t indent_ = 0;  // of the last property
};

std::string at_home(std::string_view path, const std::string& home) {
  if (path.starts_with("~/")) return home.empty() ? std::string{} : home + std::string(path.substr(1));
  return std::string(path);
}

}  // namespace

Profiles read_profiles(std::string_view text, SharedFile kind) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Reader reader(kind);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    reader.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::move(reader.profiles);
}

Profiles merged(Profiles config, const Profiles& credentials) {
  for (const auto& [name, properties] : credentials) {
    Properties& into = config[name];
    for (const auto& [key, value] : properties) into[key] = value;
  }
  return config;
}

SharedPaths shared_paths(const Environment& environment, const std::string& home) {
  const auto either = [&](std::string_view name, std::string_view usual) {
    const auto set = variable(environment, name);
    return at_home(set.empty() ? usual : set, home);
  };
  return {either("AWS_CONFIG_FILE", "~/.aws/config"), either("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")};
}

std::string profile_name(const Environment& environment) {
  const auto set = variable(environment, "AWS_PROFILE");
  return set.empty() ? "default" : std::string(set);
}

}  // namespace mooring::backends::aws
