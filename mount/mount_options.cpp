#include "mount/mount_options.h"

#include <algorithm>
#include <string_view>

namespace mooring::mount {
namespace {

// Names ending in `=` take a value (mount(8), ext4(5), xfs(5), btrfs(5)). Left out on purpose: what weakens a barrier
// or the journal so that an acknowledged write can be lost, what changes which data is seen (subvol, nouuid, noload),
// and what undoes nodev, nosuid.
constexpr std::string_view kAll[] = {"noatime", "relatime",    "strictatime", "nodiratime", "lazytime", "nolazytime",
                                     "noexec",  "nosymfollow", "sync",        "dirsync",    "nodev",    "nosuid"};
constexpr std::string_view kExt[] = {"discard",
                                     "nodiscard",
                                     "data=ordered",  // not writeback: after a crash a file may hold another's old data
                                     "data=journal",
                                     "commit=",
                                     "errors=remount-ro",
                                     "stripe=",
                                     "acl",
                                     "noacl",
                                     "delalloc",
                                     "nodelalloc",
                                     "user_xattr",
                                     "auto_da_alloc",
                                     "journal_checksum",
                                     "inode_readahead_blks=",
                                     "dioread_nolock",
                                     "dioread_lock"};
constexpr std::string_view kXfs[] = {
    "discard",  "nodiscard", "largeio",  "nolargeio", "allocsize=", "logbufs=", "logbsize=",
    "inode64",  "swalloc",   "sunit=",   "swidth=",   "uquota",     "gquota",   "pquota",
    "usrquota", "grpquota",  "prjquota", "noquota",   "filestreams"};
constexpr std::string_view kBtrfs[] = {"discard",      "nodiscard",      "discard=",        "compress",
                                       "compress=",    "compress-force", "compress-force=", "ssd",
                                       "nossd",        "ssd_spread",     "nossd_spread",    "autodefrag",
                                       "noautodefrag", "commit=",        "flushoncommit",   "noflushoncommit",
                                       "thread_pool=", "space_cache=",   "max_inline=",     "acl",
                                       "noacl"};

struct Allowed {
  const std::string_view* first;
  const std::string_view* last;
};

Allowed allowed_for(const std::string& fs) {
  if (fs == "ext4" || fs == "ext3" || fs == "ext2") return {std::begin(kExt), std::end(kExt)};
  if (fs == "xfs") return {std::begin(kXfs), std::end(kXfs)};
  if (fs == "btrfs") return {std::begin(kBtrfs), std::end(kBtrfs)};
  return {nullptr, nullptr};
}

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '=' || c == ':' || c == '.';
}

/// So that a refused option cannot forge a line of a log.
std::string printable(const std::string& option) {
  std::string text;
  for (const char c : option) text += (c >= ' ' && c < '\x7f') ? c : '?';
  return text;
}

std::string listed(Allowed own) {
  std::string list;
  for (const auto name : kAll) list += (list.empty() ? "" : " ") + std::string(name);
  for (const auto* name = own.first; name != own.last; ++name) {
    list += " " + std::string(*name) + (name->ends_with('=') ? "…" : "");
  }
  return list;
}

bool is_allowed(std::string_view option, Allowed own) {
  const auto equals = option.find('=');
  const auto name = equals == std::string_view::npos ? option : option.substr(0, equals + 1);
  if (equals != std::string_view::npos && equals + 1 == option.size()) return false;  // no value
  return std::find(std::begin(kAll), std::end(kAll), name) != std::end(kAll) ||
         std::find(own.first, own.last, name) != own.last || std::find(own.first, own.last, option) != own.last;
}

}  // namespace

Result<std::string> mount_options(const std::string& fs, const std::vector<std::string>& wanted, bool read_only) {
  const Allowed own = allowed_for(fs);
  std::string options = "nodev,nosuid";
  // Whoever made the file system must not decide what an error in it does to this machine: `tune2fs -e panic`.
  if (fs.starts_with("ext")) options += ",errors=remount-ro";
  if (read_only) options += ",ro";
  for (const auto& option : wanted) {
    if (option == "ro" || option == "rw") {
      return Error{Errc::invalid_option,
                   "the mount option '" + option + "' is not given here: use `read_only` of the mount", 0};
    }
    // A comma, a tab or a newline would smuggle in a second option, or a second line of the mount table.
    const bool clean = !option.empty() && std::all_of(option.begin(), option.end(), plain);
    if (!clean || !is_allowed(option, own)) {
      return Error{
          Errc::invalid_option,
          "the mount option '" + printable(option) + "' is not allowed for " + fs + "; allowed are: " + listed(own), 0};
    }
    if (option != "nodev" && option != "nosuid" && option != "errors=remount-ro") options += "," + option;
  }
  return options;
}

}  // namespace mooring::mount
