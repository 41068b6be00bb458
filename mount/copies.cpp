#include "mount/copies.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <set>

#include "mount/kernel_files.h"

namespace mooring::mount {
namespace {

using ById = std::map<int, const TableEntry*>;

ById by_id(const MountNamespace& space) {
  ById entries;
  for (const auto& entry : space.table) entries[entry.id] = &entry;
  return entries;
}

/// Where in the parent's file system an entry is mounted; empty when its path is not below the parent's.
std::string place_in(const TableEntry& parent, const TableEntry& entry) {
  const std::string above = parent.target == "/" ? "" : parent.target;
  if (!entry.target.starts_with(above + "/")) return {};
  return (parent.root == "/" ? "" : parent.root) + entry.target.substr(above.size());
}

/// Peer groups that an event in `group` reaches: itself, and those that receive from one that it reaches.
std::set<int> reached_from(const std::vector<MountNamespace>& namespaces, int group) {
  std::set<int> reached;
  if (group == 0) return reached;
  reached.insert(group);
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& space : namespaces) {
      for (const auto& entry : space.table) {
        if (entry.shared != 0 && reached.contains(entry.master)) grown = reached.insert(entry.shared).second || grown;
      }
    }
  }
  return reached;
}

bool same_filesystem(const TableEntry& a, const TableEntry& b) { return a.major == b.major && a.minor == b.minor; }

struct Unmounting {
  const TableEntry* mount = nullptr;
  const TableEntry* parent = nullptr;
  std::string place;
  std::set<int> reached;
};

bool goes_with(const Unmounting& what, const TableEntry& copy, const ById& entries, const std::set<int>& mounted_upon) {
  const auto parent = entries.find(copy.parent);
  if (what.parent == nullptr || parent == entries.end() || mounted_upon.contains(copy.id)) return false;
  const TableEntry& above = *parent->second;
  const bool receives = what.reached.contains(above.shared) || what.reached.contains(above.master);
  return receives && same_filesystem(above, *what.parent) && copy.root == what.mount->root && !what.place.empty() &&
         place_in(above, copy) == what.place;
}

/// What /proc/PID/mountinfo answers for a process that is gone, or that has ended and is still waited for: then it has
/// no mount namespace any more (fs/proc_namespace.c, mounts_open_common: EINVAL, or ENOENT).
bool has_ended(int error_number) { return error_number == ENOENT || error_number == ESRCH || error_number == EINVAL; }

}  // namespace

Result<std::vector<MountNamespace>> mount_namespaces() {
  std::vector<MountNamespace> namespaces(1);
  BOOST_OUTCOME_TRY(namespaces.front().table, read_mount_table());
  std::set<std::string> seen{link_target("/proc/thread-self/ns/mnt")};
  BOOST_OUTCOME_TRY(const auto names, names_in("/proc"));
  for (const auto& name : names) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    // Empty: it has ended, or may not be asked (ptrace(2), access mode checks). Its table says which.
    const auto space = link_target("/proc/" + name + "/ns/mnt");
    if (!space.empty() && seen.contains(space)) continue;
    auto table = read_mount_table("/proc/" + name + "/mountinfo");
    if (!table && has_ended(table.error().system_error)) continue;  // another of its namespace may tell
    if (!table) return table.error();
    if (!space.empty()) seen.insert(space);
    namespaces.push_back({pid, std::move(table.value())});
  }
  return namespaces;
}

std::vector<Copy> lasting_copies(const std::vector<MountNamespace>& namespaces, int id) {
  std::vector<Copy> lasting;
  if (namespaces.empty()) return lasting;
  const auto own = by_id(namespaces.front());
  const auto found = own.find(id);
  if (found == own.end()) return lasting;
  Unmounting what;
  what.mount = found->second;
  if (const auto parent = own.find(what.mount->parent); parent != own.end()) {
    what.parent = parent->second;
    what.place = place_in(*what.parent, *what.mount);
    what.reached = reached_from(namespaces, what.parent->shared);
  }
  for (const auto& space : namespaces) {
    const auto entries = by_id(space);
    std::set<int> mounted_upon;
    for (const auto& entry : space.table) mounted_upon.insert(entry.parent);
    for (const auto& entry : space.table) {
      if (entry.id == id || !same_filesystem(entry, *what.mount)) continue;
      if (!goes_with(what, entry, entries, mounted_upon)) lasting.push_back({space.pid, entry.target});
    }
  }
  return lasting;
}

std::vector<Copy> all_copies(const std::vector<MountNamespace>& namespaces, const Device& device,
                             const std::string& target) {
  std::vector<Copy> copies;
  for (const auto& space : namespaces) {
    for (const auto& entry : space.table) {
      if (space.pid == 0 && entry.target == target) continue;
      if (is_of_device(entry, device)) copies.push_back({space.pid, entry.target});
    }
  }
  return copies;
}

}  // namespace mooring::mount
