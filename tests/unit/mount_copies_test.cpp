#include <gtest/gtest.h>

#include "mount/copies.h"
#include "mount/users.h"

namespace mooring::mount {
namespace {

TableEntry entry(int id, int parent, std::uint32_t minor, std::string target, int shared = 0, int master = 0) {
  TableEntry made;
  made.id = id;
  made.parent = parent;
  made.major = 7;
  made.minor = minor;
  made.root = "/";
  made.target = std::move(target);
  made.shared = shared;
  made.master = master;
  return made;
}

/// A host with / shared and the stage 10 on it.
MountNamespace host() { return {0, {entry(1, 0, 1, "/", 1), entry(10, 1, 5, "/mnt/vol", 2)}}; }

std::vector<std::string> targets(const std::vector<Copy>& copies) {
  std::vector<std::string> found;
  for (const auto& copy : copies) found.push_back(std::to_string(copy.pid) + copy.target);
  return found;
}

using Targets = std::vector<std::string>;

TEST(LastingCopies, the_stage_alone_has_none) { EXPECT_TRUE(lasting_copies({host()}, 10).empty()); }

TEST(LastingCopies, a_peer_and_a_slave_go_along) {
  EXPECT_TRUE(lasting_copies({host(), {7, {entry(21, 0, 1, "/", 1), entry(22, 21, 5, "/mnt/vol", 2)}}}, 10).empty());
  EXPECT_TRUE(
      lasting_copies({host(), {7, {entry(21, 0, 1, "/", 0, 1), entry(22, 21, 5, "/mnt/vol", 0, 2)}}}, 10).empty());
}

TEST(LastingCopies, a_slave_of_a_slave_goes_along) {
  const MountNamespace middle{7, {entry(21, 0, 1, "/", 3, 1), entry(22, 21, 5, "/mnt/vol", 4, 2)}};
  const MountNamespace last{8, {entry(31, 0, 1, "/", 0, 3), entry(32, 31, 5, "/mnt/vol", 0, 4)}};
  EXPECT_TRUE(lasting_copies({host(), last, middle}, 10).empty());
}

TEST(LastingCopies, it_is_the_parent_mount_that_counts) {
  // The copy itself still receives, but what it is mounted on does not: it stays.
  EXPECT_EQ(targets(lasting_copies({host(), {7, {entry(21, 0, 1, "/"), entry(22, 21, 5, "/mnt/vol", 0, 2)}}}, 10)),
            Targets{"7/mnt/vol"});
  // The copy is private, but what it is mounted on receives: it goes.
  EXPECT_TRUE(lasting_copies({host(), {7, {entry(21, 0, 1, "/", 0, 1), entry(22, 21, 5, "/mnt/vol")}}}, 10).empty());
}

TEST(LastingCopies, a_private_one_stays) {
  EXPECT_EQ(targets(lasting_copies({host(), {7, {entry(21, 0, 1, "/"), entry(22, 21, 5, "/mnt/vol")}}}, 10)),
            Targets{"7/mnt/vol"});
}

TEST(LastingCopies, one_at_another_place_stays) {
  EXPECT_EQ(targets(lasting_copies({host(), {7, {entry(21, 0, 1, "/", 0, 1), entry(22, 21, 5, "/srv", 0, 2)}}}, 10)),
            Targets{"7/srv"});
  auto here = host();
  here.table.push_back(entry(11, 1, 5, "/data", 2));
  EXPECT_EQ(targets(lasting_copies({here}, 10)), Targets{"0/data"});
}

TEST(LastingCopies, one_with_something_on_it_stays) {
  EXPECT_EQ(targets(lasting_copies(
                {host(),
                 {7, {entry(21, 0, 1, "/", 0, 1), entry(22, 21, 5, "/mnt/vol", 0, 2), entry(23, 22, 9, "/mnt/vol/x")}}},
                10)),
            Targets{"7/mnt/vol"});
}

TEST(LastingCopies, a_directory_of_it_stays) {
  auto part = entry(22, 21, 5, "/mnt/vol", 0, 2);
  part.root = "/sub";
  EXPECT_EQ(targets(lasting_copies({host(), {7, {entry(21, 0, 1, "/", 0, 1), part}}}, 10)), Targets{"7/mnt/vol"});
}

TEST(LastingCopies, a_bound_parent_is_seen_through) {
  // Elsewhere, the host's /mnt is mounted at /host-mnt and receives from the host.
  auto above = entry(21, 0, 1, "/host-mnt", 0, 1);
  above.root = "/mnt";
  EXPECT_TRUE(lasting_copies({host(), {7, {above, entry(22, 21, 5, "/host-mnt/vol", 0, 2)}}}, 10).empty());
}

TEST(LastingCopies, a_private_parent_reaches_nobody) {
  const MountNamespace own{0, {entry(1, 0, 1, "/"), entry(10, 1, 5, "/mnt/vol")}};
  EXPECT_EQ(targets(lasting_copies({own, {7, {entry(21, 0, 1, "/"), entry(22, 21, 5, "/mnt/vol")}}}, 10)),
            Targets{"7/mnt/vol"});
}

TEST(Users, the_container_is_in_the_cgroup) {
  const std::string id(64, 'a');
  EXPECT_EQ(container_in("0::/system.slice/docker-" + id + ".scope\n"), id);
  EXPECT_EQ(container_in("12:cpu:/docker/" + id + "\n11:memory:/docker/" + id), id);
  EXPECT_EQ(container_in("0::/machine.slice/libpod-" + id + ".scope/container"), id);
  EXPECT_EQ(container_in("0::/user.slice/user-1000.slice"), "");
  EXPECT_EQ(container_in("0::/x/" + id + "a"), "");
  EXPECT_EQ(container_in(""), "");
}

TEST(Users, are_described_in_a_sentence) {
  const User process{12, "python3", "", "working directory /x"};
  const User contained{13, "sh", std::string(64, 'b'), "open file /y"};
  const User mounted{0, "", "", "also mounted at /z"};
  EXPECT_EQ(described({}), "");
  EXPECT_EQ(
      described({process, contained, mounted}),
      "python3 (pid 12, working directory /x), sh (pid 13, container bbbbbbbbbbbb, open file /y), also mounted at /z");
  EXPECT_TRUE(described({process, process, process, process, process}).ends_with(") and 2 more"));
}

}  // namespace
}  // namespace mooring::mount
