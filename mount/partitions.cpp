#include "mount/partitions.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "mount/kernel_files.h"
#include "mount/probe.h"

namespace mooring::mount {
namespace {

struct Node {
  std::string number;  // as the partition table counts
  Device device;       // path, major and minor only
};

Result<std::vector<Node>> partition_nodes(const Device& disk) {
  std::vector<Node> nodes;
  const auto directory = sysfs_directory(disk.major, disk.minor);
  BOOST_OUTCOME_TRY(const auto names, names_in(directory));
  for (const auto& name : names) {
    const auto number = read_attribute(directory + "/" + name + "/partition");
    const auto dev = number ? read_attribute(directory + "/" + name + "/dev") : std::nullopt;
    const auto parsed = dev ? parse_device_number(*dev) : std::nullopt;
    if (!parsed) continue;
    Node node{*number, {}};
    node.device.path = node_path(parsed->first, parsed->second);
    node.device.major = parsed->first;
    node.device.minor = parsed->second;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

/// The numbers of the partitions that the table itself has, without containers of logical ones.
Result<std::vector<int>> numbers_in_table(const OpenDevice& disk) {
  const BlkidProbe probe(blkid_new_probe());
  errno = 0;
  if (!probe || blkid_probe_set_device(probe.get(), disk.fd.get(), 0, 0) != 0) {
    return system_error("cannot probe " + disk.device.path, errno);
  }
  blkid_probe_enable_partitions(probe.get(), 1);
  auto* const list = blkid_probe_get_partitions(probe.get());
  if (list == nullptr)
    return system_error("cannot read the partition table of " + disk.device.path, errno, Errc::unreadable);
  std::vector<int> numbers;
  for (int index = 0; index < blkid_partlist_numof_partitions(list); ++index) {
    auto* const partition = blkid_partlist_get_partition(list, index);
    if (blkid_partition_is_extended(partition) == 0) numbers.push_back(blkid_partition_get_partno(partition));
  }
  return numbers;
}

bool is_known(const std::vector<Node>& nodes, int number) {
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const Node& node) { return node.number == std::to_string(number); });
}

}  // namespace

Result<bool> has_partition_nodes(const Device& disk) {
  BOOST_OUTCOME_TRY(const auto nodes, partition_nodes(disk));
  return !nodes.empty();
}

Result<Content> only_partition(const OpenDevice& disk, const std::string& table) {
  const std::string& path = disk.device.path;
  std::optional<Content> found;
  std::string names;
  int with_filesystem = 0;
  BOOST_OUTCOME_TRY(const auto nodes, partition_nodes(disk.device));
  BOOST_OUTCOME_TRY(const auto in_table, numbers_in_table(disk));
  for (const int number : in_table) {
    if (is_known(nodes, number)) continue;
    return Error{Errc::unsafe_content,
                 path + " has a partition table (" + table + ") with a partition " + std::to_string(number) +
                     ", which the kernel has not read (partprobe(8))",
                 0};
  }
  for (const auto& node : nodes) {
    auto opened = open_device(node.device);
    // The container of logical partitions is a device of two sectors, or of none.
    const bool container =
        !opened && (opened.error().system_error == ENXIO || opened.error().system_error == ENOMEDIUM);
    if (container) continue;
    if (!opened) return opened.error();
    auto signatures = read_signatures(opened.value());
    // A partition that is, say, swap or LVM is not the one that is looked for; an unreadable or an ambiguous one might
    // be.
    if (!signatures && signatures.error().code != Errc::foreign_content) return signatures.error();
    const bool filesystem = signatures && signatures.value().filesystem;
    names += (names.empty() ? "" : ", ") + opened.value().device.path;
    if (!filesystem) continue;
    names += " (" + signatures.value().filesystem->type + ")";
    ++with_filesystem;
    BOOST_OUTCOME_TRY(refuse_if_held(opened.value().device));
    found = Content{signatures.value().filesystem, opened.value().device};
  }
  if (with_filesystem == 1) return *found;
  std::string message = path + " has a partition table (" + table + ") ";
  message += names.empty() ? "without partitions" : "with the partitions " + names;
  message += with_filesystem == 0 ? "; none has a file system, and a disk with a partition table is never formatted"
                                  : "; only one of them may have a file system";
  return Error{Errc::unsafe_content, std::move(message), 0};
}

}  // namespace mooring::mount
