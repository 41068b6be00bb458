// The only way to mkfs (rules 1 to 5). Everything is proven again here, under a claim, whatever was probed before.
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "failpoint/failpoint.h"
#include "mount/blank_proof.h"
#include "mount/claim.h"
#include "mount/disk_identity.h"
#include "mount/host.h"
#include "mount/kernel_files.h"
#include "mount/probe.h"
#include "mount/process.h"

namespace mooring::mount {
namespace {

/// Empty: a type that is not made here. None of them is told to overwrite: mkfs.xfs(8) and mkfs.btrfs(8) without -f
/// refuse a disk on which they see something, which is one more guard (rule 5). mke2fs(8) is none: without a terminal
/// it does not look. None discards either: a discard takes every byte of the disk before anything is written, so that
/// stopping mkfs, or having erred, leaves nothing to save; and on a thick volume it takes its time for nothing.
std::vector<std::string> mkfs_arguments(const std::string& type, const std::string& path) {
  // No blocks are reserved for root on a volume that only holds a user's data (mke2fs(8), -m).
  if (type == "ext4") return {"mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", path};
  if (type == "xfs") return {"mkfs.xfs", "-q", "-K", path};
  if (type == "btrfs") return {"mkfs.btrfs", "-q", "-K", path};
  return {};
}

/// Rule 4: libblkid knows only the first superblock; e2fsck looks for copies too. Its exit status is a sum of bits
/// (e2fsck(8)): 8 is an operational error, which on a blank disk is "no superblock anywhere". Other errors are 8 too,
/// so the reason counts.
Result<void> expect_no_ext_copy(const std::string& path, const std::stop_token& stop) {
  BOOST_OUTCOME_TRY(const auto end, run_process({"e2fsck", "-n", path}, stop));
  if (end.status == 8 && end.output.find("Bad magic number in super-block") != std::string::npos &&
      end.output.find("could not be read or does not describe") != std::string::npos) {
    return boost::outcome_v2::success();
  }
  return Error{Errc::unsafe_content,
               path + " is not blank: e2fsck finds the remains of an ext file system (exit status " +
                   std::to_string(end.status) + " of e2fsck -n)",
               0};
}

/// A program opens the disk by its name; our open descriptor keeps the number from going to another disk, so it is
/// enough that the name still leads to that number.
Result<void> confirm_name(const OpenDevice& disk) {
  struct stat status {};
  if (::stat(disk.device.path.c_str(), &status) == 0 && S_ISBLK(status.st_mode) &&
      status.st_rdev == makedev(disk.device.major, disk.device.minor)) {
    return boost::outcome_v2::success();
  }
  return Error{Errc::wrong_disk, disk.device.path + " does not lead to the disk any more", 0};
}

/// Rule 5, under O_EXCL: no mount, no swap, no device-mapper can take the disk while it is looked at.
Result<void> prove_under_claim(const DiskLook& look, OpenDevice& disk) {
  const std::shared_lock no_heir(no_child_is_born());  // outlives the claim
  BOOST_OUTCOME_TRY(const Fd claim, reopen(disk, O_RDWR | O_EXCL));
  BOOST_OUTCOME_TRY(confirm_identity(look, disk));
  BOOST_OUTCOME_TRY(const auto content, content_of(disk));
  if (content.filesystem) {
    return Error{Errc::unsafe_content, disk.device.path + " already holds a file system: " + content.filesystem->type,
                 0};
  }
  return boost::outcome_v2::success();
}

Error mkfs_error(const std::string& program, const OpenDevice& disk, const ProcessEnd& end) {
  return Error{Errc::format_failed,
               program + " on " + disk.device.path + " failed with exit status " + std::to_string(end.status) + ": " +
                   in_brief(end.output),
               0};
}

}  // namespace

namespace blocking {

Result<FileSystem> format(const DiskLook& look, const Device& disk, const std::string& type, std::stop_token stop) {
  const auto arguments = mkfs_arguments(type, disk.path);
  if (arguments.empty()) {
    return Error{Errc::format_failed, "cannot make a file system of type '" + type + "'; one of ext4, xfs, btrfs", 0};
  }
  BOOST_OUTCOME_TRY(auto opened, open_device(disk));
  BOOST_OUTCOME_TRY(lock(opened, stop));
  if (is_partition(opened.device)) {
    return Error{Errc::unsafe_content, disk.path + " is a partition; only whole disks are formatted", 0};
  }
  if (opened.device.read_only) return Error{Errc::format_failed, disk.path + " is read-only", 0};
  BOOST_OUTCOME_TRY(confirm_identity(look, opened));
  BOOST_OUTCOME_TRY(confirm_name(opened));
  BOOST_OUTCOME_TRY(refuse_if_held(opened.device));
  // e2fsck wants the disk for itself, so it runs outside our claim; the proof by reading comes last, inside it.
  BOOST_OUTCOME_TRY(const auto signatures, read_signatures(opened));
  if (!signatures.filesystem && signatures.partition_table.empty()) {
    BOOST_OUTCOME_TRY(expect_no_ext_copy(opened.device.path, stop));
  }
  BOOST_OUTCOME_TRY(prove_under_claim(look, opened));
  // mkfs claims the disk for itself too (O_EXCL), so ours is given up just before. The lock and the open descriptor
  // stay.
  BOOST_OUTCOME_TRY(confirm_name(opened));
  MOORING_FAILPOINT("format.proven");
  auto ended = run_process(mkfs_arguments(type, opened.device.path), stop);
  if (!ended) {
    Error error = ended.error();
    if (error.code == Errc::cancelled) {
      error.message += std::string("; a part of a new file system may be on it. ") + kHowToClear;
    }
    return error;
  }
  if (ended.value().status != 0) return mkfs_error(arguments.front(), opened, ended.value());
  BOOST_OUTCOME_TRY(const auto made, read_signatures(opened));
  if (!made.filesystem || made.filesystem->type != type) {
    return Error{Errc::format_failed, arguments.front() + " succeeded, but " + disk.path + " holds no " + type, 0};
  }
  return *made.filesystem;
}

}  // namespace blocking
}  // namespace mooring::mount
