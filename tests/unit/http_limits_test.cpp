// Every limit, each met by a server that would otherwise be waited for much longer; and what is left behind when the
// program ends in the middle of a request.
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http_calls.h"
#include "http_server.h"

namespace mooring::backends::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const Limits kPatient{.connect = 1h, .read = 1h, .total = 1h};

void say_nothing(Peer& peer) { peer.wait_for_end(); }

std::string address_of(unsigned port) { return "http://127.0.0.1:" + std::to_string(port) + "/"; }

TEST(HttpLimits, read_ends_the_wait_for_a_silent_server) {
  const Server server(say_nothing);
  Caller caller;
  Limits limits = kPatient;
  limits.read = 30ms;
  EXPECT_THAT(text(caller.get(server.url(), limits)),
              AllOf(StartsWith("timed_out, maybe received: "), HasSubstr("silent for 30 ms")));
}

TEST(HttpLimits, read_ends_the_wait_for_the_rest_of_an_answer) {
  const Server server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.wait_for_end();
  });
  Caller caller;
  Limits limits = kPatient;
  limits.read = 30ms;
  EXPECT_THAT(text(caller.get(server.url(), limits)), HasSubstr("silent for 30 ms"));
}

TEST(HttpLimits, read_ends_the_wait_for_a_server_that_does_not_read) {
  std::promise<void> done;
  const Server server([future = done.get_future().share()](Peer&) { future.wait(); });
  Caller caller;
  Limits limits = kPatient;
  limits.read = 30ms;
  Request request;
  request.method = "PUT";
  request.url = server.url();
  request.body.assign(32U << 20U, 'x');
  EXPECT_THAT(text(caller.send(std::move(request), limits)), StartsWith("timed_out, maybe received: "));
  done.set_value();
}

TEST(HttpLimits, total_ends_an_answer_that_drips) {
  // The end of it would come after half a minute.
  const auto drip = [](const std::string& start) {
    return [start](Peer& peer) {
      peer.read_request();
      peer.write(start);
      for (int i = 0; i < 6000 && !peer.ends_within(5); ++i) peer.write("x");
    };
  };
  Caller caller;
  Limits limits = kPatient;
  limits.total = 60ms;
  for (const char* start : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX: "}) {
    const Server server(drip(start));
    EXPECT_THAT(text(caller.get(server.url(), limits)),
                AllOf(StartsWith("timed_out, maybe received: "), HasSubstr("in the time allowed")));
  }
}

TEST(HttpLimits, connect_ends_the_wait_for_an_address_that_does_not_answer) {
  const BlackHole hole;
  Caller caller;
  Limits limits = kPatient;
  limits.connect = 30ms;
  EXPECT_THAT(text(caller.get(address_of(hole.port()), limits)),
              AllOf(StartsWith("timed_out: "), HasSubstr("127.0.0.1")));
}

TEST(HttpLimits, connect_is_for_one_address_and_the_next_one_is_tried) {
  const BlackHole hole;
  Caller caller({.look_up = [](const std::string&) { return std::vector<std::string>{"127.0.0.1", "127.0.0.2"}; }});
  Limits limits = kPatient;
  limits.connect = 30ms;
  // Nobody listens at the second address, which says so at once: the black hole is on the first only.
  EXPECT_THAT(text(caller.get("http://name.example:" + std::to_string(hole.port()) + "/", limits)),
              AllOf(StartsWith("unreachable: "), HasSubstr("127.0.0.2")));
}

TEST(HttpLimits, total_ends_the_wait_for_a_connection) {
  const BlackHole hole;
  Caller caller;
  Limits limits = kPatient;
  limits.total = 30ms;
  EXPECT_THAT(text(caller.get(address_of(hole.port()), limits)), StartsWith("timed_out: "));
}

TEST(HttpLimits, connect_includes_the_handshake) {
  const Server server(say_nothing);
  Caller caller;
  Limits limits = kPatient;
  limits.connect = 30ms;
  EXPECT_THAT(text(caller.get(server.url("/", "127.0.0.1", "https"), limits)), StartsWith("timed_out: "));
}

TEST(HttpLimits, none_at_all_is_over_at_once) {
  const Server server(always(answer(200, "x")));
  Caller caller;
  for (const auto total : {0ms, -5ms, std::chrono::milliseconds::min()}) {
    Limits limits = kPatient;
    limits.total = total;
    EXPECT_THAT(text(caller.get(server.url(), limits)), StartsWith("timed_out: "));
  }
  Limits limits = kPatient;
  limits.connect = limits.read = limits.total = std::chrono::milliseconds::max();
  EXPECT_EQ(text(caller.get(server.url(), limits)), "200 x");
}

TEST(HttpLimits, body_is_of_one_answer) {
  const Server server(always(answer(200, "12345")));
  Caller caller;
  Limits limits = kPatient;
  limits.body = 5;
  EXPECT_EQ(text(caller.get(server.url(), limits)), "200 12345");
  limits.body = 4;
  EXPECT_THAT(text(caller.get(server.url(), limits)), StartsWith("too_large, maybe received: "));
}

/// A name server that answers when the test is over.
class HungLookUp {
 public:
  ~HungLookUp() { over_.set_value(); }
  ClientSettings settings() {
    return {.look_up = [this, over = over_.get_future().share(), asked = asked_](const std::string&) {
      ++*asked;
      over.wait();
      return std::vector<std::string>{"127.0.0.1"};
    }};
  }
  [[nodiscard]] int asked() const { return *asked_; }

 private:
  std::promise<void> over_;
  std::shared_ptr<std::atomic<int>> asked_ = std::make_shared<std::atomic<int>>(0);
};

TEST(HttpLimits, total_ends_the_wait_for_a_name_server_that_hangs) {
  HungLookUp hung;
  Caller caller(hung.settings());
  Limits limits = kPatient;
  limits.total = 30ms;
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(text(caller.get("http://name.example/", limits)),
                AllOf(StartsWith("timed_out: "), HasSubstr("name.example")));
  // The three have waited for one look-up: what hangs does not pile up.
  EXPECT_LE(hung.asked(), 1);
}

TEST(HttpLimits, names_whose_look_up_hangs_are_limited_in_number) {
  HungLookUp hung;
  Caller caller(hung.settings());
  Limits limits = kPatient;
  limits.total = 1ms;
  for (int i = 0; i < 32; ++i)
    EXPECT_THAT(text(caller.get("http://name" + std::to_string(i) + ".example/", limits)), StartsWith("timed_out: "));
  EXPECT_THAT(text(caller.get("http://one-more.example/", limits)), StartsWith("unresolved: "));
}

/// How far a request has got when the rug is pulled.
struct Stage {
  const char* name;
  ClientSettings settings;
  std::string url;
  bool reaches_server;  // which then stops the io_context
};

class HttpEnd : public testing::Test {
 protected:
  /// Calls `end` when the request is under way, at each stage.
  void at_each_stage(const std::function<void(const Stage&)>& end) {
    HungLookUp hung;
    const BlackHole hole;
    const Server handshake(say_nothing);
    const Server head([this](Peer& peer) {
      peer.read_request();
      arrived();
      peer.wait_for_end();
    });
    const Server body([this](Peer& peer) {
      peer.read_request();
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      arrived();
      peer.wait_for_end();
    });
    const Server proxy([this](Peer& peer) {
      peer.read_request();
      arrived();
      peer.wait_for_end();
    });
    ClientSettings by_proxy;
    by_proxy.proxies.https = proxy.url();
    end({"look-up", hung.settings(), "http://name.example/", false});
    end({"connect", {}, address_of(hole.port()), false});
    end({"handshake", {}, handshake.url("/", "127.0.0.1", "https"), false});
    end({"proxy", by_proxy, "https://127.0.0.1/", true});
    end({"head", {}, head.url(), true});
    end({"body", {}, body.url(), true});
  }

  void arrived() { io_.load()->stop(); }

  /// Until the request waits for what will not come.
  void run_to(const Stage& stage, asio::io_context& io) {
    if (stage.reaches_server) {
      io.run();
    } else {
      io.poll();
    }
    io.restart();
  }

  std::atomic<asio::io_context*> io_ = nullptr;
};

asio::awaitable<void> call(Client& client, std::string url, bool& ended) {
  Request request;
  request.url = std::move(url);
  const auto result = co_await client.send(std::move(request), kPatient);
  ended = true;
}

TEST_F(HttpEnd, of_the_io_context_leaves_nothing_behind) {
  at_each_stage([this](const Stage& stage) {
    bool ended = false;
    {
      asio::io_context io(1);
      io_ = &io;
      Client client(io.get_executor(), stage.settings);
      asio::co_spawn(io, call(client, stage.url, ended), asio::detached);
      run_to(stage, io);
    }
    EXPECT_FALSE(ended) << stage.name;
  });
}

TEST_F(HttpEnd, of_the_coroutine_is_no_answer_that_could_be_acted_upon) {
  at_each_stage([this](const Stage& stage) {
    asio::io_context io(1);
    io_ = &io;
    Client client(io.get_executor(), stage.settings);
    bool ended = false;
    std::exception_ptr thrown;
    asio::cancellation_signal signal;
    asio::co_spawn(io, call(client, stage.url, ended),
                   asio::bind_cancellation_slot(signal.slot(), [&](const std::exception_ptr& e) { thrown = e; }));
    run_to(stage, io);
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    EXPECT_FALSE(ended) << stage.name;
    ASSERT_NE(thrown, nullptr) << stage.name;
    EXPECT_THROW(std::rethrow_exception(thrown), boost::system::system_error) << stage.name;
  });
}

TEST(HttpEndOfProcess, does_not_wait_for_a_name_server_that_hangs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        auto* hung = new HungLookUp;  // for ever
        {
          Caller caller(hung->settings());
          Limits limits = kPatient;
          limits.total = 10ms;
          EXPECT_THAT(text(caller.get("http://name.example/", limits)), StartsWith("timed_out: "));
        }
        exit(testing::Test::HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace mooring::backends::http
