// Finding a disk (rule 7), and hearing of it.
#include <array>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/device_events.h"
#include "stage_fixture.h"

namespace mooring::test {
namespace {

using mount::Errc;
namespace blocking = mount::blocking;

class Find : public StageFixture {};

TEST_F(Find, the_loop_device_of_an_image) {
  const LoopDisk disk(scratch_.path(), 2 * kMiB);
  auto look = disk.look();
  look.links.clear();
  const auto found = blocking::find_disk(look);
  ASSERT_TRUE(succeeds(found));
  EXPECT_EQ(found.value().path, disk.path());
  EXPECT_EQ(found.value().size, 2 * kMiB);
}

TEST_F(Find, a_stale_link_does_not_mislead) {  // rule 7
  const LoopDisk other(scratch_.path(), 2 * kMiB);
  const LoopDisk disk(scratch_.path(), 2 * kMiB);
  auto look = disk.look();
  look.links = {other.path()};
  const auto found = blocking::find_disk(look);
  ASSERT_TRUE(succeeds(found));
  EXPECT_EQ(found.value().path, disk.path());
}

TEST_F(Find, a_link_to_another_disk_alone_is_the_wrong_disk) {  // rule 7
  const LoopDisk other(scratch_.path(), 2 * kMiB);
  mount::DiskLook look;
  look.serial = "vol0123";
  look.links = {other.path()};
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk, "stale"));
  look.links = {"no-such-link"};
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::not_found, "vol0123"));
}

TEST_F(Find, without_a_serial_the_size_decides) {  // rule 7
  const LoopDisk disk(scratch_.path(), 2 * kMiB);
  const LoopDisk other(scratch_.path(), 2 * kMiB);
  mount::DiskLook look;
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk));
  look.links = {disk.path()};
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk));
  look.size = 2 * kMiB;
  EXPECT_TRUE(succeeds(blocking::find_disk(look)));
  look.size = 3 * kMiB;
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk, "fewer"));
  look.size = kMiB;
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk, "more"));
  look.size = 2 * kMiB;
  look.links.push_back(other.path());
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk, "two devices"));
}

TEST_F(Find, a_disk_that_no_link_leads_to_any_more_is_the_wrong_disk) {  // rule 7
  const LoopDisk disk(scratch_.path(), 2 * kMiB);
  const LoopDisk other(scratch_.path(), 2 * kMiB);
  mount::DiskLook look;
  look.links = {scratch_.path() / "link"};
  look.size = 2 * kMiB;
  std::filesystem::create_symlink(disk.path(), look.links[0]);
  const auto found = blocking::find_disk(look);
  ASSERT_TRUE(succeeds(found));
  EXPECT_TRUE(succeeds(blocking::probe(look, found.value())));
  std::filesystem::remove(look.links[0]);
  std::filesystem::create_symlink(other.path(), look.links[0]);
  EXPECT_TRUE(fails_with(blocking::probe(look, found.value()), Errc::wrong_disk, "no link"));
}

TEST_F(Find, another_disk_with_the_same_number_is_the_wrong_disk) {  // rule 7
  const LoopDisk disk(scratch_.path(), 2 * kMiB);
  auto device = disk.device();
  if (device.sequence == 0) GTEST_SKIP() << "this kernel has no diskseq";
  ++device.sequence;
  EXPECT_TRUE(fails_with(blocking::probe(disk.look(), device), Errc::wrong_disk, "same number"));
}

TEST_F(Find, a_node_that_is_no_disk_is_not_even_opened) {
  const auto pipe = scratch_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::array<char, 4096> events;
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  ASSERT_GE(::inotify_add_watch(watch, pipe.c_str(), IN_OPEN), 0);
  mount::Device device;
  device.path = pipe;
  mount::DiskLook look;
  look.serial = "x";
  EXPECT_TRUE(fails_with(blocking::probe(look, device), Errc::wrong_disk, "not a block device"));
  EXPECT_EQ(::read(watch, events.data(), events.size()), -1);
  ::close(watch);
}

TEST_F(Find, a_disk_that_is_not_there_yet_is_not_found) {
  LoopDisk disk(scratch_.path(), 2 * kMiB);
  const auto look = disk.look();
  disk.detach();
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::not_found));
}

TEST_F(Find, a_disk_that_is_too_small_is_the_wrong_disk) {
  const LoopDisk disk(scratch_.path(), 2 * kMiB);
  auto look = disk.look();
  look.links.clear();
  look.size = 4 * kMiB;
  EXPECT_TRUE(fails_with(blocking::find_disk(look), Errc::wrong_disk, "fewer"));
}

TEST_F(Find, attach_and_detach_are_heard) {
  auto events = mount::DeviceEvents::open();
  ASSERT_TRUE(succeeds(events));
  const auto heard = [&] {
    pollfd waiting{events.value().descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
    return events.value().drain();
  };
  LoopDisk disk(scratch_.path(), 2 * kMiB);
  EXPECT_TRUE(heard());
  disk.detach();
  EXPECT_TRUE(heard());
}

}  // namespace
}  // namespace mooring::test
