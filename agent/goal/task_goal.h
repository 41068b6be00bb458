// What a task wants: its mounts, the definitions it brings, and who owns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include <boost/json/value.hpp>

#include "agent/goal/document.h"

namespace mooring::agent::goal {

/// What is known of a volume (`type: volume`).
struct Definition {
  std::string name;
  std::string backend;
  std::string region;
  std::string availability_zone;
  std::string volume_id;
  std::uint64_t size = 0;  // bytes; 0: not said
  std::map<std::string, std::string> tags;
  bool init_fs = false;         // may a blank disk be formatted (rule 1)
  std::string fs;               // ext4, xfs, btrfs; empty: any that is there, ext4 for a format
  std::optional<double> price;  // USD per GB and month
  bool read_only = false;
  std::map<std::string, std::string> parameters;   // what a backend needs: resource_group, project, server, export, …
  std::string source;                              // where it was written: file:line, or "request"
  bool operator==(const Definition& other) const;  // all but `source`
};

enum class Prefer { order, cheapest };

/// One entry of `volumes:`. Either `names` has the candidates, or `instance_path` is set.
struct Mount {
  std::vector<std::string> names;
  std::string instance_path;
  std::string path;
  bool read_only = false;
  bool optional = false;
  Prefer prefer = Prefer::order;
  std::string fs;                    // of a format; also what must be found there (rule 6)
  std::vector<std::string> options;  // mount options; checked against the allow-list by `mount`
  std::optional<std::chrono::milliseconds> timeout;
  bool operator==(const Mount&) const = default;
};

/// The process whose end releases the task.
struct Owner {
  pid_t pid = 0;
  bool operator==(const Owner&) const = default;
};

struct TaskGoal {
  std::vector<Mount> mounts;
  std::vector<Definition> definitions;
  std::optional<Owner> owner;
  bool operator==(const TaskGoal&) const = default;
};

using Variables = std::map<std::string, std::string>;

/// 1 to 128 characters of A-Z a-z 0-9 . _ -, beginning with a letter or digit: a volume's name becomes a directory.
bool is_valid_name(std::string_view name);
/// Says what is wrong with a name, for an error.
std::string invalid_name(std::string_view kind, std::string_view name);

/// The body of PUT /v1/tasks/{task}: {volumes, definitions?, variables?, owner?}. `${{ … }}` is filled in from
/// `variables` of the body, those of `more` first. An invalid goal leaves diagnostics.
TaskGoal read_request(const Node& document, const Variables& more, Diagnostics& diagnostics);

/// A file given to `moorctl -f`: a dstack run configuration (type: task, dev-environment, service; read for its
/// `volumes` only), or a mapping with `volumes` and, if wanted, `definitions`, `variables`.
TaskGoal read_goal_file(const Node& document, const Variables& variables, Diagnostics& diagnostics);

/// The `volumes:` sequence alone. Checks each mount and all of them together (a name or a path twice).
std::vector<Mount> read_mounts(const Node& sequence, const Variables& variables, Diagnostics& diagnostics);

/// Mounts in the short form of the command line, vol-a,vol-b:/p; `at` is {1, number of the argument}.
std::vector<Mount> read_short_mounts(const std::vector<std::string>& words, const Variables& variables,
                                     Diagnostics& diagnostics);

/// All `type: volume` documents of a file. Two of one name are an error. One with an error in it is left out.
std::vector<Definition> read_definitions(const std::vector<Node>& documents, Diagnostics& diagnostics);

/// Who may be able to write to the files that are read; trusted: see trust/trusted_path.h.
enum class Writers { anybody, trusted };

/// Blocks: reads *.yaml and *.yml of a directory, in the order of their names. A missing directory has none.
/// `problems` gets every error of every file; a name defined in two files is one.
std::vector<Definition> read_definitions_directory(const std::string& directory, Writers writers,
                                                   std::vector<Diagnostic>& problems);

/// The body that read_request reads back to an equal goal (variables already filled in).
boost::json::object to_json(const TaskGoal& goal);
boost::json::object to_json(const Definition& definition);

/// Canonical path: absolute, no `..`, `//` and trailing `/` dropped. Empty and an error in `why` if it cannot be.
std::string normalise_path(std::string_view path, std::string& why);

/// 500 GB, 1.5 TB: decimal units, as clouds sell them.
std::string human_size(std::uint64_t bytes);

}  // namespace mooring::agent::goal
