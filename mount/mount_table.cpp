#include "mount/mount_table.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount/handles.h"
#include "mount/kernel_files.h"
#include "mount/mount_point.h"

namespace mooring::mount {
namespace {

// include/uapi/linux/mount.h and stat.h of Linux 6.14, newer than the headers that this is built with.
constexpr long kSysStatmount = 457;
constexpr unsigned kStatxMountIdUnique = 0x4000;
constexpr std::uint64_t kSbBasic = 0x1;
constexpr std::uint64_t kMountBasic = 0x2;
constexpr std::uint64_t kMountRoot = 0x8;
constexpr std::uint64_t kFsType = 0x20;
constexpr std::uint64_t kSbSource = 0x200;

struct MountIdRequest {  // struct mnt_id_req, MNT_ID_REQ_SIZE_VER0
  std::uint32_t size = 24;
  std::uint32_t spare = 0;
  std::uint64_t mount_id = 0;
  std::uint64_t mask = 0;
};

struct StatMount {  // struct statmount
  std::uint32_t size, mnt_opts;
  std::uint64_t mask;
  std::uint32_t sb_dev_major, sb_dev_minor;
  std::uint64_t sb_magic;
  std::uint32_t sb_flags, fs_type;
  std::uint64_t mnt_id, mnt_parent_id;
  std::uint32_t mnt_id_old, mnt_parent_id_old;
  std::uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
  std::uint32_t mnt_root, mnt_point;
  std::uint64_t mnt_ns_id;
  std::uint32_t fs_subtype, sb_source;
  std::uint64_t rest[48];
  std::array<char, 8192> text;
};
static_assert(offsetof(StatMount, text) == 512);

std::optional<MountedThere> ask_statmount(int directory, const std::string& target) {
  struct statx status {};
  if (::statx(directory, "", AT_EMPTY_PATH, kStatxMountIdUnique, &status) != 0 ||
      (status.stx_mask & kStatxMountIdUnique) == 0) {
    return std::nullopt;
  }
  MountIdRequest request;
  request.mount_id = status.stx_mnt_id;
  request.mask = kSbBasic | kMountBasic | kMountRoot | kFsType | kSbSource;
  StatMount answer{};
  if (::syscall(kSysStatmount, &request, &answer, sizeof answer, 0) != 0 ||
      (answer.mask & request.mask) != request.mask) {
    return std::nullopt;
  }
  const auto text = [&](std::uint32_t offset) {
    return std::string(offset < answer.text.size() ? answer.text.data() + offset : "");
  };
  MountedThere there;
  there.entry.target = target;
  there.entry.source = text(answer.sb_source);
  there.entry.fs = text(answer.fs_type);
  there.entry.major = answer.sb_dev_major;
  there.entry.minor = answer.sb_dev_minor;
  there.root = text(answer.mnt_root);
  there.parent = answer.mnt_parent_id_old;
  return there;
}

int group_in(std::string_view fields, std::string_view name) {
  const auto at = fields.find(name);
  if (at == std::string_view::npos) return 0;
  int number = 0;
  std::from_chars(fields.data() + at + name.size(), fields.data() + fields.size(), number);
  return number;
}

/// A file system whose disk was pulled out lives on. The number of a btrfs is none of a block device's.
bool is_device_gone(const MountEntry& entry) {
  if (entry.major != 0) return kernel_name(entry.major, entry.minor).empty();
  return entry.fs == "btrfs" && entry.source.starts_with("/dev/") && !exists(entry.source);
}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

void resolve_device(MountEntry& entry) {
  if (entry.major != 0) return;
  struct stat status {};
  const bool block =
      entry.source.starts_with('/') && ::stat(entry.source.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  entry.major = block ? major(status.st_rdev) : 0;
  entry.minor = block ? minor(status.st_rdev) : 0;
}

bool is_of_device(const TableEntry& entry, const Device& device) {
  if (entry.major != 0) return entry.major == device.major && entry.minor == device.minor;
  if (entry.fs != "btrfs") return false;
  MountEntry resolved;
  resolved.source = entry.source;
  resolve_device(resolved);
  // The node of a disk that was pulled out is gone: then the name is all there is.
  if (resolved.major == 0) return !device.path.empty() && entry.source == device.path;
  return resolved.major == device.major && resolved.minor == device.minor;
}

Result<std::vector<TableEntry>> read_mount_table(const std::string& path) {
  const MountTableHandle table(mnt_new_table());
  if (!table) return system_error("cannot read " + path, ENOMEM);
  // A line that libmount cannot read must not hide the others.
  mnt_table_set_parser_errcb(table.get(), [](libmnt_table*, const char*, int) { return 1; });
  if (const int failed = mnt_table_parse_file(table.get(), path.c_str()); failed != 0) {
    return system_error("cannot read " + path, failed < 0 ? -failed : EIO);
  }
  std::vector<TableEntry> entries;
  const MountIterator iterator(mnt_new_iter(MNT_ITER_FORWARD));
  libmnt_fs* fs = nullptr;
  while (iterator && mnt_table_next_fs(table.get(), iterator.get(), &fs) == 0) {
    TableEntry entry;
    entry.id = mnt_fs_get_id(fs);
    entry.parent = mnt_fs_get_parent_id(fs);
    entry.major = major(mnt_fs_get_devno(fs));
    entry.minor = minor(mnt_fs_get_devno(fs));
    entry.root = text_or_empty(mnt_fs_get_root(fs));
    entry.target = text_or_empty(mnt_fs_get_target(fs));
    entry.source = text_or_empty(mnt_fs_get_source(fs));
    entry.fs = text_or_empty(mnt_fs_get_fstype(fs));
    const auto fields = text_or_empty(mnt_fs_get_optional_fields(fs));
    entry.shared = group_in(fields, "shared:");
    entry.master = group_in(fields, "master:");
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<MountedThere> mounted_at(int directory, const std::string& target) {
  auto there = ask_statmount(directory, target);
  bool answers = true;
  if (!there) {
    BOOST_OUTCOME_TRY(const auto state, look_at(directory, target));
    answers = state.answers;
    BOOST_OUTCOME_TRY(const auto table, read_mount_table());
    for (const auto& entry : table) {
      if (static_cast<std::uint64_t>(entry.id) != state.mount_id) continue;
      there.emplace();
      there->entry.target = target;
      there->entry.source = entry.source;
      there->entry.fs = entry.fs;
      there->entry.major = entry.major;
      there->entry.minor = entry.minor;
      there->root = entry.root;
      there->parent = entry.parent;
    }
  }
  if (!there) return Error{Errc::not_found, "the mount at " + target + " is not in the mount table any more", 0};
  resolve_device(there->entry);
  there->entry.device_gone = is_device_gone(there->entry);
  struct statvfs status {};
  const bool told = ::fstatvfs(directory, &status) == 0;
  if (!told && errno != EIO) return system_error("cannot ask the file system at " + target, errno);
  // Of the mount or of the whole file system. One that has shut down takes no more writes either.
  there->entry.read_only = !answers || !told || (status.f_flag & ST_RDONLY) != 0;
  return *there;
}

}  // namespace mooring::mount
