#include "agent/ctl/binds.h"

#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "agent/ctl/json_text.h"
#include "agent/goal/words.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

struct Bind {
  std::string source;
  std::string target;
  bool read_only = false;
};

/// All binds of the task, or a problem.
std::string read_binds(const json::object& task, std::vector<Bind>& binds) {
  const json::value* list = task.if_contains("binds");
  if (list == nullptr || !list->is_array()) return "moord's answer has no binds";
  for (const json::value& item : list->get_array()) {
    const json::object* object = item.if_object();
    if (object == nullptr) return "a bind in moord's answer cannot be read";
    Bind bind{exact_text_at(*object, "source"), exact_text_at(*object, "target"), flag_at(*object, "read_only")};
    for (const std::string& path : {bind.source, bind.target}) {
      if (path.empty() || path.front() != '/') return "a bind in moord's answer has no absolute path";
      if (goal::first_control(path) != std::string::npos)
        return "the path " + goal::in_quotes(path) + " has a control character in it and cannot be passed on";
    }
    binds.push_back(std::move(bind));
  }
  return {};
}

/// A field as Go's encoding/csv reads it, which is what docker does with the value of --mount.
std::string csv_field(const std::string& field) {
  if (field.find_first_of(",\"") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace

Binds docker_binds(const json::object& task) {
  std::vector<Bind> binds;
  if (auto problem = read_binds(task, binds); !problem.empty()) return {{}, std::move(problem)};
  Binds out;
  for (const Bind& bind : binds)
    out.text += "--mount type=bind," + csv_field("source=" + bind.source) + "," + csv_field("target=" + bind.target) +
                (bind.read_only ? ",readonly\n" : "\n");
  return out;
}

Binds oci_binds(const json::object& task) {
  std::vector<Bind> binds;
  if (auto problem = read_binds(task, binds); !problem.empty()) return {{}, std::move(problem)};
  json::array mounts;
  for (const Bind& bind : binds)
    mounts.push_back({{"destination", bind.target},
                      {"type", "bind"},
                      {"source", bind.source},
                      {"options", json::array{"rbind", bind.read_only ? "ro" : "rw"}}});
  return {pretty(mounts), {}};
}

}  // namespace mooring::agent::ctl
