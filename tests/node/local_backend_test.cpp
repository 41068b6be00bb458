// The small cloud on real loop devices: two instances that want the same volume, asked directly.
#include "backends/local/local_backend.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "loop_disk.h"

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

TEST_F(TwoInstances, what_one_has_the_other_does_not_detach) {  // rule 11
  ASSERT_TRUE(answer_of(one_.attach(data_)));
  EXPECT_TRUE(answer_of(two_.detach(data_, false)));  // not attached there: a success
  EXPECT_EQ(seen_by(one_), Attachment::here);
  EXPECT_TRUE(answer_of(one_.detach(data_, false)));
  EXPECT_EQ(seen_by(one_), Attachment::detached);
}

}  // namespace
}  // namespace mooring::test
