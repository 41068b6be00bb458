#include "mount/probe.h"

#include <cerrno>
#include <string_view>

#include "mount/blank_proof.h"
#include "mount/disk_identity.h"
#include "mount/host.h"
#include "mount/partitions.h"

namespace mooring::mount {
namespace {

std::string value_of(blkid_probe probe, const char* name) {
  const char* value = nullptr;
  if (blkid_probe_lookup_value(probe, name, &value, nullptr) != 0 || value == nullptr) return {};
  return value;
}

Error foreign(Errc code, const std::string& path, const std::string& what) {
  return Error{code, path + " holds " + what + "; nothing was written. " + kHowToClear, 0};
}

Result<Signatures> judge(blkid_probe probe, const std::string& path) {
  Signatures found;
  const auto type = value_of(probe, "TYPE");
  const auto usage = value_of(probe, "USAGE");
  found.partition_table = value_of(probe, "PTTYPE");
  if (!value_of(probe, "SBBADCSUM").empty()) {
    return Error{Errc::unsafe_content,
                 path + " holds a superblock (" + type + ") whose checksum is wrong: it needs repair", 0};
  }
  if (type.empty()) {
    // A usage or a magic without a type is something libblkid knows and we do not.
    if (!usage.empty()) return foreign(Errc::foreign_content, path, "an unknown signature (" + usage + ")");
    return found;
  }
  if (usage != "filesystem") return foreign(Errc::foreign_content, path, "a signature that is no file system: " + type);
  if (!found.partition_table.empty()) {
    return foreign(Errc::unsafe_content, path,
                   "both a partition table (" + found.partition_table + ") and a file system (" + type + ")");
  }
  found.filesystem = FileSystem{type, value_of(probe, "UUID")};
  return found;
}

}  // namespace

Result<Signatures> read_signatures(const OpenDevice& device) {
  const std::string& path = device.device.path;
  const BlkidProbe probe(blkid_new_probe());
  errno = 0;
  if (!probe || blkid_probe_set_device(probe.get(), device.fd.get(), 0, 0) != 0) {
    return system_error("cannot probe " + path, errno);
  }
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID | BLKID_SUBLKS_USAGE |
                                                     BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
  blkid_probe_enable_partitions(probe.get(), 1);
  errno = 0;
  // Rule 2. libblkid 2.38: 0 found, 1 nothing, -2 ambivalent; everything else is an error, -5 (-EIO) among them.
  const int answer = blkid_do_safeprobe(probe.get());
  switch (answer) {
    case 0:
      return judge(probe.get(), path);
    case 1:
      return Signatures{};
    case -2:
      return Error{Errc::unsafe_content,
                   path + " holds signatures of several kinds, so it is not clear what it is (wipefs(8) lists them)",
                   0};
    default:
      return system_error("cannot read " + path, answer < -2 ? -answer : (errno != 0 ? errno : EIO), Errc::unreadable);
  }
}

Result<Content> content_of(const OpenDevice& disk) {
  BOOST_OUTCOME_TRY(refuse_if_held(disk.device));  // rule 9
  BOOST_OUTCOME_TRY(auto found, read_signatures(disk));
  if (found.filesystem) return Content{std::move(found.filesystem), disk.device};
  if (!found.partition_table.empty()) return only_partition(disk, found.partition_table);  // rules 3 and 8
  BOOST_OUTCOME_TRY(prove_blank(disk));
  return Content{std::nullopt, disk.device};
}

namespace blocking {

Result<Content> probe(const DiskLook& look, const Device& disk) {
  BOOST_OUTCOME_TRY(auto opened, open_device(disk));
  BOOST_OUTCOME_TRY(confirm_identity(look, opened));
  return content_of(opened);
}

}  // namespace blocking
}  // namespace mooring::mount
