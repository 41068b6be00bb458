// The small cloud on real loop devices: two instances that want the same volume, asked directly.
#include "backends/local/local_backend.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "loop_disk.h"
#include "mount/host.h"

namespace mooring::test {
namespace {

using backends::Attachment;

backends::Identity instance(const std::string& id) {
  backends::Identity identity;
  identity.provider = "local";
  identity.region = "here";
  identity.instance_id = id;
  return identity;
}

/// Runs a call of the backend to its end.
template <class T>
T answer_of(boost::asio::awaitable<T> call) {
  boost::asio::io_context context;
  std::optional<T> answer;
  auto wait = [&]() -> boost::asio::awaitable<void> { answer.emplace(co_await std::move(call)); };
  boost::asio::co_spawn(context, wait, boost::asio::detached);
  context.run();
  return std::move(answer).value();
}

class TwoInstances : public ::testing::Test {
 protected:
  TwoInstances() {
    std::filesystem::create_directories(scratch_.path() / "here");
    write_file(scratch_.path() / "here/data.img", "precious");
    EXPECT_EQ(::truncate((scratch_.path() / "here/data.img").c_str(), 16 * kMiB), 0);
    data_.name = "data";
    data_.region = "here";
  }

  Attachment seen_by(backends::local::LocalBackend& backend) const {
    auto answers = answer_of(backend.describe({data_}));
    EXPECT_TRUE(answers.front());
    return answers.front().value().attachment;
  }

  ScratchDirectory scratch_;
  boost::asio::thread_pool pool_{1};
  backends::local::LocalBackend one_{scratch_.path(), instance("i-1"), pool_};
  backends::local::LocalBackend two_{scratch_.path(), instance("i-2"), pool_};
  backends::Volume data_;
};

TEST_F(TwoInstances, what_one_has_the_other_does_not_get) {  // rule 20
  ASSERT_TRUE(answer_of(one_.attach(data_)));
  const auto refused = answer_of(two_.attach(data_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, backends::Errc::in_use);
  EXPECT_EQ(refused.error().holder, "i-1");
  EXPECT_EQ(seen_by(two_), Attachment::elsewhere);
  EXPECT_TRUE(answer_of(one_.detach(data_, false)));
}

/// Opens the device of an attached image.
int open_device_of(const backends::Attached& attached) {
  mount::DiskLook look;
  look.backing_file = mount::FileId{attached.look.backing_file->device, attached.look.backing_file->inode};
  const auto device = mount::blocking::find_disk(look);
  EXPECT_TRUE(device);
  return device ? ::open(device.value().path.c_str(), O_RDONLY | O_CLOEXEC) : -1;
}

TEST_F(TwoInstances, an_image_can_be_written_to_whatever_its_loop_device_was_before) {
  const auto before = answer_of(one_.attach(data_));
  ASSERT_TRUE(before);
  int read_only = 1;
  const int left = open_device_of(before.value());
  EXPECT_EQ(::ioctl(left, BLKROSET, &read_only), 0);
  ::close(left);
  EXPECT_TRUE(answer_of(one_.detach(data_, false)));
  const auto after = answer_of(one_.attach(data_));  // the first free device: the same, unless others are faster
  ASSERT_TRUE(after);
  const int now = open_device_of(after.value());
  EXPECT_EQ(::ioctl(now, BLKROGET, &read_only), 0);
  EXPECT_EQ(read_only, 0);
  ::close(now);
  EXPECT_TRUE(answer_of(one_.detach(data_, false)));
}

TEST_F(TwoInstances, what_one_has_the_other_does_not_detach) {  // rule 11
  ASSERT_TRUE(answer_of(one_.attach(data_)));
  EXPECT_TRUE(answer_of(two_.detach(data_, false)));  // not attached there: a success
  EXPECT_EQ(seen_by(one_), Attachment::here);
  EXPECT_TRUE(answer_of(one_.detach(data_, false)));
  EXPECT_EQ(seen_by(one_), Attachment::detached);
}

}  // namespace
}  // namespace mooring::test
