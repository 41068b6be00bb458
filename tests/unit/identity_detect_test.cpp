// detect() that is given up while it waits for an answer.
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "backends/identify.h"

namespace mooring::backends {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Listens, and never answers; detect() is cancelled as soon as somebody has connected.
void give_up_a_detection_of(const std::string& provider) {
  asio::io_context context{1};
  auto client = std::make_unique<http::Client>(context.get_executor(), http::ClientSettings{});
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  const std::string base = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  IdentitySettings settings;
  settings.provider = provider;
  settings.hints_root = "/nonexistent";
  settings.metadata = {base, base};

  asio::cancellation_signal cancellation;
  bool ended = false;
  std::optional<Detection> detection;
  auto run = [&]() -> asio::awaitable<void> { detection = co_await detect(settings, {}, *client); };
  auto at_end = [&](const std::exception_ptr& error) {
    ended = true;
    EXPECT_NE(error, nullptr);
    client.reset();
  };
  asio::co_spawn(context, run, asio::bind_cancellation_slot(cancellation.slot(), at_end));
  tcp::socket accepted(context);
  acceptor.async_accept(accepted, [&](const boost::system::error_code& error) {
    EXPECT_FALSE(error);
    cancellation.emit(asio::cancellation_type::terminal);
  });
  context.run();  // returns once nobody waits for anything any more
  EXPECT_TRUE(ended);
  EXPECT_FALSE(detection);
}

TEST(Detect, can_be_given_up_while_one_cloud_is_asked) { give_up_a_detection_of("aws"); }

TEST(Detect, can_be_given_up_while_all_clouds_are_asked) { give_up_a_detection_of("auto"); }

}  // namespace
}  // namespace mooring::backends
