// `type: volume` documents.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/goal/readers.h"
#include "agent/goal/words.h"
#include "posix/file_descriptor.h"
#include "trust/trusted_path.h"

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

std::string reason(const trust::Error& error) {
  return error.refused ? error.message : std::generic_category().message(error.error_number);
}

/// *.yaml and *.yml, by name; dotfiles are left to editors and package managers.
std::vector<std::string> definition_files(const std::string& directory, Writers writers,
                                          std::vector<Diagnostic>& problems) {
  std::vector<std::string> files;
  if (writers == Writers::trusted) {
    const auto opened = trust::open_trusted(directory, O_PATH | O_DIRECTORY);
    const bool missing = !opened && opened.error().error_number == ENOENT;
    if (!opened && !missing) problems.push_back({directory, {}, "cannot be read: " + reason(opened.error())});
    if (!opened) return files;
  }
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

/// What was opened, or why not. A FIFO is not waited for.
struct Opened {
  posix::FileDescriptor file;
  std::string why;
};

Opened open_definition(const std::string& file, Writers writers) {
  if (writers == Writers::anybody) {
    posix::FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string why = opened ? "" : std::generic_category().message(errno);
    return {std::move(opened), std::move(why)};
  }
  auto opened = trust::open_trusted(file, O_RDONLY);
  if (opened) return {std::move(opened).value(), ""};
  return {{}, reason(opened.error())};
}

bool read_whole(const std::string& name, Writers writers, std::string& text, std::string& why) {
  auto [file, refusal] = open_definition(name, writers);
  why = std::move(refusal);
  struct stat status {};
  if (!file) return false;
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    why = "not a regular file";
    return false;
  }
  if (const int error = trust::read_all(file, kMaxText + 1, text); error != 0)  // parse says that it is too large
    why = std::generic_category().message(error);
  return why.empty();
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

std::vector<Definition> read_definitions_directory(const std::string& directory, Writers writers,
                                                   std::vector<Diagnostic>& problems) {
  std::vector<Definition> all;
  std::map<std::string, std::string> first_source;
  for (const std::string& file : definition_files(directory, writers, problems)) {
    std::string text;
    std::string why;
    if (!read_whole(file, writers, text, why)) {
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
