// `type: volume` documents.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/goal/readers.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

namespace fs = std::filesystem;
using std::string_view;

constexpr string_view kParameters[] = {"resource_group", "project", "server", "export", "mount_tag"};

std::map<std::string, std::string> read_tags(const Node& node, Diagnostics& diagnostics) {
  std::map<std::string, std::string> tags;
  if (node.kind != Node::Kind::mapping) {
    diagnostics.error(node.at, "'tags' must be a mapping of strings, not " + std::string(kind_of(node)));
    return tags;
  }
  for (const auto& [key, value] : node.fields) {
    auto text = read_plain_text(value, "tag " + in_quotes(key.text), diagnostics);
    if (first_control(key.text) != std::string::npos) {
      diagnostics.error(key.at, "a tag's name has a control character in it: " + in_quotes(key.text));
    }
    if (text) tags[key.text] = std::move(*text);
  }
  return tags;
}

/// A name that also names a folder or a program part: a volume or a backend.
std::string read_name(const Node* node, string_view key, string_view kind, Diagnostics& diagnostics) {
  if (node == nullptr) return {};
  auto name = read_text(*node, in_quotes(key), diagnostics);
  if (!name) return {};
  if (is_valid_name(*name)) return std::move(*name);
  diagnostics.error(node->at, invalid_name(kind, *name));
  return {};
}

/// *.yaml and *.yml, by name; dotfiles are left to editors and package managers.
std::vector<std::string> definition_files(const std::string& directory, std::vector<Diagnostic>& problems) {
  std::vector<std::string> files;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    const bool is_wanted = path.extension() == ".yaml" || path.extension() == ".yml";
    if (is_wanted && path.filename().native().front() != '.') files.push_back(path.native());
  }
  if (error) problems.push_back({directory, {}, "cannot be read: " + error.message()});
  std::sort(files.begin(), files.end());
  return files;
}

bool read_whole(const std::string& file, std::string& text, std::string& why) {
  std::error_code error;
  // Opening a FIFO would wait for somebody to write to it.
  const bool is_file = fs::is_regular_file(file, error);
  if (!is_file) {
    why = error ? error.message() : "not a regular file";
    return false;
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (in) {
    text.resize(kMaxText + 1);  // one more than parse takes: it says so then
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad() || (!in && !in.eof())) {
    why = errno != 0 ? std::generic_category().message(errno) : "input error";
    return false;
  }
  return true;
}

}  // namespace

bool Definition::operator==(const Definition& other) const {
  const auto all = [](const Definition& d) {
    return std::tie(d.name, d.backend, d.region, d.availability_zone, d.volume_id, d.size, d.tags, d.init_fs, d.fs,
                    d.price, d.read_only, d.parameters);
  };
  return all(*this) == all(other);
}

bool DefinitionReader::check_type(const Node& node, Fields& fields) {
  const Node* type = fields.take("type");
  if (type == nullptr) {
    if (needs_type_) fields.lacks({"type"}, "a definition needs 'type: volume'");
    return true;
  }
  if (type->kind == Node::Kind::scalar && type->text == "volume") return true;
  const std::string other = type->kind == Node::Kind::scalar ? in_quotes(type->text) : std::string(kind_of(*type));
  diagnostics_.error(type->at.line > 0 ? type->at : node.at, "'type' of a definition must be 'volume', not " + other);
  return false;
}

void DefinitionReader::read_fields(Fields& fields, Definition& definition) {
  definition.name = read_name(fields.need("name"), "name", "volume name", diagnostics_);
  definition.backend = read_name(fields.need("backend"), "backend", "backend", diagnostics_);
  definition.region = plain_text(fields, "region", diagnostics_);
  definition.availability_zone = plain_text(fields, "availability_zone", diagnostics_);
  definition.volume_id = plain_text(fields, "volume_id", diagnostics_);
  definition.size = fields.size("size").value_or(0);
  if (const Node* tags = fields.section("tags"); tags != nullptr) definition.tags = read_tags(*tags, diagnostics_);
  definition.init_fs = fields.boolean("init_fs").value_or(false);
  definition.fs = fields.one_of("fs", kFileSystems).value_or("");
  definition.price = fields.number("price");
  if (definition.price && !(std::isfinite(*definition.price) && *definition.price >= 0)) {
    diagnostics_.error(fields.take("price")->at, "'price' must be 0 or more (USD per GB and month), not " +
                                                     in_quotes(fields.take("price")->text));
  }
  definition.read_only = fields.boolean("read_only").value_or(false);
  for (const string_view key : kParameters) {
    std::string value = plain_text(fields, key, diagnostics_);
    if (!value.empty()) definition.parameters[std::string(key)] = std::move(value);
  }
}

void DefinitionReader::read(const Node& node) {
  const std::size_t errors_before = diagnostics_.all().size();
  Fields fields(node, "a definition", diagnostics_);
  if (node.kind != Node::Kind::mapping || !check_type(node, fields)) return;
  Definition definition;
  read_fields(fields, definition);
  fields.finish();
  if (!definition.name.empty()) {
    const Position at = node.find("name")->at;
    if (const auto [first, is_new] = seen_.try_emplace(definition.name, at); !is_new) {
      diagnostics_.error(at, in_quotes(definition.name) + " is defined twice, here and at " + to_string(first->second));
    }
  }
  definition.source = diagnostics_.source();
  if (with_line_) definition.source += ":" + std::to_string(node.at.line);
  // Half a definition is none: with a wrong zone, or without the fs it asked for, a volume is not to be touched.
  if (diagnostics_.all().size() == errors_before) definitions_.push_back(std::move(definition));
}

std::vector<Definition> read_definitions(const std::vector<Node>& documents, Diagnostics& diagnostics) {
  DefinitionReader reader(true, true, diagnostics);
  for (const Node& document : documents) {
    if (document.kind != Node::Kind::null) reader.read(document);  // a `---` at the end begins an empty one
  }
  return reader.release();
}

std::vector<Definition> read_definitions_directory(const std::string& directory, std::vector<Diagnostic>& problems) {
  std::vector<Definition> all;
  std::map<std::string, std::string> first_source;
  for (const std::string& file : definition_files(directory, problems)) {
    std::string text;
    std::string why;
    if (!read_whole(file, text, why)) {
      problems.push_back({file, {}, "cannot be read: " + why});
      continue;
    }
    Diagnostics diagnostics(file);
    const std::vector<Node> documents = parse(text, Format::yaml, diagnostics);
    for (Definition& definition : read_definitions(documents, diagnostics)) {
      const auto [first, is_new] = first_source.try_emplace(definition.name, definition.source);
      if (is_new) {
        all.push_back(std::move(definition));
        continue;
      }
      const auto same_name = [&definition](const Node& document) {
        const Node* name = document.find("name");
        return name != nullptr && name->text == definition.name;
      };
      const auto document = std::find_if(documents.begin(), documents.end(), same_name);
      diagnostics.error(document->find("name")->at,
                        in_quotes(definition.name) + " is defined twice, here and at " + first->second);
    }
    problems.insert(problems.end(), diagnostics.all().begin(), diagnostics.all().end());
  }
  return all;
}

}  // namespace mooring::agent::goal
