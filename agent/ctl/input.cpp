#include "agent/ctl/input.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/goal/config.h"
#include "agent/goal/document.h"
#include "agent/goal/words.h"

namespace mooring::agent::ctl {
namespace {

constexpr std::string_view kStandardInput = "-";

std::string source_name(const std::string& file) { return file == kStandardInput ? "standard input" : file; }

goal::Format format_of(std::string_view file) {
  return file.ends_with(".json") ? goal::Format::json : goal::Format::yaml;
}

/// The whole file, or nothing and why. Pipes are fine: `-f <(make-goal)`.
std::optional<std::string> read_whole(const std::string& file, std::string& why) {
  const int fd = file == kStandardInput ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  ssize_t count = fd < 0 ? -1 : 0;
  // One byte more than the parser takes: it says so then.
  while (fd >= 0 && text.size() <= goal::kMaxText) {
    std::array<char, 65536> part{};
    count = read(fd, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  if (count < 0) why = "cannot be read: " + std::generic_category().message(errno);
  if (fd > STDIN_FILENO) close(fd);
  return count < 0 ? std::nullopt : std::optional(std::move(text));
}

void add_all(const std::vector<goal::Diagnostic>& diagnostics, std::vector<std::string>& problems) {
  for (const goal::Diagnostic& diagnostic : diagnostics) problems.push_back(goal::printable(to_string(diagnostic)));
}

/// The documents of a file; nothing and a problem if it cannot be read.
std::optional<std::vector<goal::Node>> read_documents(const std::string& file, goal::Diagnostics& diagnostics) {
  std::string why;
  const auto text = read_whole(file, why);
  if (!text) {
    diagnostics.error({}, why);
    return std::nullopt;
  }
  auto documents = goal::parse(*text, format_of(file), diagnostics);
  if (!diagnostics.ok() && documents.empty()) return std::nullopt;
  return documents;
}

goal::Variables read_variables(const std::vector<std::string>& words, std::vector<std::string>& problems) {
  goal::Variables variables;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      problems.push_back("moorctl: --var " + goal::in_quotes(word) +
                         " must be NAME=VALUE, as in --var dstack.node_rank=0");
    else if (!variables.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      problems.push_back("moorctl: --var gives " + goal::in_quotes(word.substr(0, equals)) + " twice");
  }
  return variables;
}

/// The parser counts arguments as columns of line 1; people count arguments.
std::string about_argument(const goal::Diagnostic& diagnostic) {
  constexpr std::string_view kAt = "here and at 1:";
  std::string message = diagnostic.message;
  if (const std::size_t at = message.find(kAt); at != std::string::npos)
    message.replace(at, kAt.size(), "here and in MOUNT ");
  return goal::printable("moorctl: MOUNT " + std::to_string(diagnostic.at.column) + ": " + message);
}

void read_goal(const GoalArguments& arguments, const goal::Variables& variables, Input& input) {
  if (!arguments.file.empty()) {
    goal::Diagnostics diagnostics(source_name(arguments.file));
    const auto documents = read_documents(arguments.file, diagnostics);
    const goal::Node* document = documents ? goal::only_document(*documents, diagnostics) : nullptr;
    if (document != nullptr) input.goal = goal::read_goal_file(*document, variables, diagnostics);
    add_all(diagnostics.all(), input.problems);
    return;
  }
  goal::Diagnostics diagnostics("");
  input.goal.mounts = goal::read_short_mounts(arguments.mounts, variables, diagnostics);
  for (const goal::Diagnostic& diagnostic : diagnostics.all()) input.problems.push_back(about_argument(diagnostic));
}

std::vector<goal::Definition> read_definitions(const std::string& place, std::vector<std::string>& problems) {
  struct stat status {};
  if (stat(place.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    std::vector<goal::Diagnostic> found;
    auto definitions = goal::read_definitions_directory(place, goal::Writers::anybody, found);
    add_all(found, problems);
    return definitions;
  }
  goal::Diagnostics diagnostics(source_name(place));
  std::vector<goal::Definition> definitions;
  if (const auto documents = read_documents(place, diagnostics)) {
    definitions = goal::read_definitions(*documents, diagnostics);
    if (diagnostics.ok() && definitions.empty()) diagnostics.error({}, "no 'type: volume' document is in it");
  }
  add_all(diagnostics.all(), problems);
  return definitions;
}

void add_definitions(const std::vector<std::string>& places, Input& input) {
  std::map<std::string, std::string> sources;
  for (const goal::Definition& definition : input.goal.definitions) sources[definition.name] = definition.source;
  for (const std::string& place : places) {
    for (goal::Definition& definition : read_definitions(place, input.problems)) {
      const auto [first, is_new] = sources.try_emplace(definition.name, definition.source);
      if (is_new)
        input.goal.definitions.push_back(std::move(definition));
      else
        input.problems.push_back(goal::printable(definition.source + ": " + goal::in_quotes(definition.name) +
                                                 " is defined twice, here and at " + first->second));
    }
  }
}

std::string counted(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

bool is_definition(const goal::Node& document) {
  const goal::Node* type = document.find("type");
  return type != nullptr && type->kind == goal::Node::Kind::scalar && type->text == "volume";
}

bool is_configuration(const goal::Node& document) {
  // `volumes` alone may be either; a goal file is what people check more often.
  constexpr std::array<std::string_view, 8> kOnlyThere{"identity", "api",      "mount_root", "state_dir",
                                                       "timeouts", "backends", "report",     "log"};
  return std::ranges::any_of(kOnlyThere, [&document](std::string_view key) { return document.find(key) != nullptr; });
}

std::string check_documents(const std::vector<goal::Node>& documents, goal::Variables variables,
                            goal::Diagnostics& diagnostics) {
  std::vector<const goal::Node*> written;  // a `---` at the end begins an empty one
  for (const goal::Node& document : documents)
    if (document.kind != goal::Node::Kind::null) written.push_back(&document);
  if (!written.empty() && is_definition(*written.front()))  // the first says what the others ought to be
    return counted(goal::read_definitions(documents, diagnostics).size(), "volume definition");
  const goal::Node* document = goal::only_document(documents, diagnostics);
  if (document == nullptr) return {};
  if (is_configuration(*document)) {
    goal::read_config(documents, diagnostics);
    return "moord configuration";
  }
  // What dstack fills in for each node has no value yet. Any will do, but not one for both: `a-<rank>` and `a-<num>`
  // differ.
  variables.try_emplace("dstack.node_rank", "0");
  variables.try_emplace("dstack.job_num", "1");
  return counted(goal::read_goal_file(*document, variables, diagnostics).mounts.size(), "mount");
}

}  // namespace

Input read_input(const GoalArguments& arguments) {
  Input input;
  const auto reads_stdin = std::ranges::count(arguments.definitions, std::string(kStandardInput)) +
                           (arguments.file == kStandardInput ? 1 : 0);
  if (arguments.file.empty() == arguments.mounts.empty())
    input.problems.emplace_back(arguments.file.empty()
                                    ? "moorctl: nothing to mount: give -f FILE, or a MOUNT such as my-volume:/data"
                                    : "moorctl: -f and MOUNT exclude each other: write all mounts in the file");
  if (reads_stdin > 1) input.problems.emplace_back("moorctl: standard input can be read only once");
  if (arguments.owner && *arguments.owner <= 1)
    input.problems.emplace_back("moorctl: --owner-pid must be the number of a process, more than 1");
  const auto variables = read_variables(arguments.variables, input.problems);
  if (!input.ok()) return input;
  read_goal(arguments, variables, input);
  add_definitions(arguments.definitions, input);
  if (arguments.owner) input.goal.owner = goal::Owner{*arguments.owner};
  return input;
}

Checked check_file(const std::string& file, const std::vector<std::string>& words) {
  Checked checked;
  const auto variables = read_variables(words, checked.problems);
  if (!checked.problems.empty()) return checked;
  goal::Diagnostics diagnostics(source_name(file));
  if (const auto documents = read_documents(file, diagnostics))
    checked.summary = check_documents(*documents, variables, diagnostics);
  add_all(diagnostics.all(), checked.problems);
  return checked;
}

}  // namespace mooring::agent::ctl
