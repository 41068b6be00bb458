// The client against plain servers: what it keeps, what it tries again, and how it says what went wrong.
#include <atomic>
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "http_calls.h"
#include "http_server.h"

namespace mooring::backends::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Request request_to(std::string url, std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.url = std::move(url);
  return request;
}

TEST(HttpClient, sends_a_request_and_gives_back_the_answer) {
  std::string received;
  const Server server([&](Peer& peer) {
    received = peer.read_request();
    peer.write(answer(201, "hello", "X-Request-Id: 7\r\n"));
    peer.wait_for_end();
  });
  Caller caller({.user_agent = "moord/0"});
  Request request = request_to(server.url("/p?q=1"), "POST");
  request.headers = {{"X-A", "b"}};
  request.body = "body";
  const auto result = caller.send(request);
  ASSERT_EQ(text(result), "201 hello");
  EXPECT_EQ(result.value().header("x-request-id"), "7");
  EXPECT_EQ(received, "POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                          "\r\nUser-Agent: moord/0\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody");
}

TEST(HttpClient, does_not_follow_a_redirect) {
  const Server server(always(answer(302, "", "Location: /elsewhere\r\n")));
  Caller caller;
  const auto result = caller.get(server.url());
  EXPECT_EQ(text(result), "302 ");
  EXPECT_EQ(result.value().header("location"), "/elsewhere");
}

TEST(HttpClient, expects_no_body_after_head) {
  const Server server(always("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"));
  Caller caller;
  EXPECT_EQ(text(caller.send(request_to(server.url(), "HEAD"))), "200 ");
  EXPECT_EQ(text(caller.send(request_to(server.url(), "HEAD"))), "200 ");
  EXPECT_EQ(server.accepted(), 1U);
}

TEST(HttpClient, uses_a_connection_again) {
  const Server server(always(answer(200, "x")));
  Caller caller;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(text(caller.get(server.url())), "200 x");
  EXPECT_EQ(server.accepted(), 1U);
}

TEST(HttpClient, keeps_no_connection_that_the_server_closes) {
  const Server server(always(answer(200, "x", "Connection: close\r\n")));
  Caller caller;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text(caller.get(server.url())), "200 x");
  EXPECT_EQ(server.accepted(), 3U);
}

TEST(HttpClient, keeps_no_more_connections_than_it_should) {
  const Server server(always(answer(200, "x")));
  Caller none({.idle_connections = 0});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(text(none.get(server.url())), "200 x");
  EXPECT_EQ(server.accepted(), 2U);
}

TEST(HttpClient, closes_a_connection_that_was_idle_for_long_enough) {
  std::promise<void> closed;
  const Server server([&](Peer& peer) {
    peer.read_request();
    peer.write(answer(200, "x"));
    peer.wait_for_end();
    closed.set_value();
  });
  Caller caller({.idle_time = 20ms});
  EXPECT_EQ(text(caller.get(server.url())), "200 x");
  caller.io.run();  // until there is nothing left to wait for
  closed.get_future().wait();
}

TEST(HttpClient, does_not_use_a_kept_connection_that_has_ended) {
  std::promise<void> closed;
  const Server server([&](Peer& peer) {
    peer.read_request();
    peer.write(answer(200, "x"));
    if (peer.number() > 1) return peer.wait_for_end();
    shutdown(peer.descriptor(), SHUT_RDWR);
    closed.set_value();
  });
  Caller caller;
  EXPECT_EQ(text(caller.get(server.url())), "200 x");
  closed.get_future().wait();
  Request request = request_to(server.url(), "POST");
  request.repeatable = false;
  EXPECT_EQ(text(caller.send(request)), "200 x");
  EXPECT_EQ(server.accepted(), 2U);
}

/// Of its first connection it answers one request, and ends it, one way or the other, when the second one comes.
Server::Serve ends_at_second_request(bool by_reset) {
  return [by_reset](Peer& peer) {
    for (int i = 0; !peer.read_request().empty(); ++i) {
      if (by_reset) peer.reset();
      if (peer.number() == 1 && i == 1) return;
      peer.write(answer(200, "x"));
    }
  };
}

TEST(HttpClient, sends_a_repeatable_request_again_if_the_kept_connection_was_dead) {
  for (const bool by_reset : {false, true}) {
    const Server server(ends_at_second_request(by_reset));
    Caller caller;
    EXPECT_EQ(text(caller.get(server.url())), "200 x");
    EXPECT_EQ(text(caller.get(server.url())), "200 x");
    EXPECT_EQ(server.accepted(), 2U);
  }
}

TEST(HttpClient, sends_any_other_request_only_once) {
  const Server server(ends_at_second_request(false));
  Caller caller;
  EXPECT_EQ(text(caller.get(server.url())), "200 x");
  Request request = request_to(server.url(), "POST");
  request.repeatable = false;
  EXPECT_THAT(text(caller.send(request)), StartsWith("broken, maybe received: "));
  EXPECT_EQ(server.accepted(), 1U);
}

TEST(HttpClient, does_not_send_again_on_a_fresh_connection_or_after_a_byte_of_the_answer) {
  const Server silent([](Peer& peer) { peer.read_request(); });
  Caller caller;
  EXPECT_THAT(text(caller.get(silent.url())), StartsWith("broken, maybe received: "));
  EXPECT_EQ(silent.accepted(), 1U);
  const Server partial([](Peer& peer) {
    peer.read_request();
    peer.write(answer(200, "x"));
    peer.read_request();
    peer.write("H");
  });
  EXPECT_EQ(text(caller.get(partial.url())), "200 x");
  EXPECT_THAT(text(caller.get(partial.url())), HasSubstr("ended too early"));
  EXPECT_EQ(partial.accepted(), 1U);
}

TEST(HttpClient, gives_what_a_server_says_before_it_has_read_all) {
  const Server server([](Peer& peer) {
    peer.write(answer(413, "too much", "Connection: close\r\n"));
    shutdown(peer.descriptor(), SHUT_WR);
    peer.wait_for_end();
  });
  Caller caller;
  Request request = request_to(server.url(), "PUT");
  request.body.assign(8U << 20U, 'x');
  EXPECT_EQ(text(caller.send(request)), "413 too much");
}

TEST(HttpClient, says_what_went_wrong_without_repeating_a_secret) {
  const std::string secret = "s3cret";
  const Server cut([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  const Server other([](Peer& peer) {
    peer.read_request();
    peer.write("SSH-2.0-OpenSSH_9.2\r\n");
  });
  const Server large(always("HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n"));
  const Server reset([](Peer& peer) {
    peer.read_request();
    peer.reset();
  });
  const Server all(always(answer(200, "x")));
  Caller caller;
  const auto failure = [&](const std::string& base) {
    Request request = request_to(base + "?X-Amz-Signature=" + secret);
    request.headers = {{"Authorization", secret}};
    request.body = secret;
    std::string result = text(caller.send(request));
    EXPECT_THAT(result, Not(HasSubstr(secret)));
    return result;
  };
  EXPECT_THAT(failure("http://127.0.0.1:" + std::to_string(closed_port()) + "/"),
              testing::AllOf(StartsWith("unreachable: "), HasSubstr("127.0.0.1"), HasSubstr("refused")));
  EXPECT_THAT(failure(cut.url()),
              testing::AllOf(StartsWith("broken, maybe received: "), HasSubstr("127.0.0.1"), HasSubstr("too early")));
  EXPECT_THAT(failure(reset.url()), testing::AllOf(StartsWith("broken, maybe received: "), HasSubstr("reset")));
  EXPECT_THAT(failure(other.url()), testing::AllOf(StartsWith("broken, maybe received: "), HasSubstr("not HTTP")));
  EXPECT_THAT(failure(large.url()), testing::AllOf(StartsWith("too_large, maybe received: "), HasSubstr("127.0.0.1")));
  EXPECT_THAT(failure("ftp://127.0.0.1/"), StartsWith("bad_request: "));
  Request request = request_to(all.url());
  request.headers = {{"X-A", secret + "\r\nX-B: c"}};
  EXPECT_THAT(text(caller.send(request)), testing::AllOf(StartsWith("bad_request: "), Not(HasSubstr(secret))));
  EXPECT_EQ(all.accepted(), 0U);
}

TEST(HttpClient, looks_up_a_name_and_tries_its_addresses_in_turn) {
  const Server server(always(answer(200, "x")));
  Caller caller({.look_up = [](const std::string& name) {
    return name == "service.example" ? std::vector<std::string>{"127.0.0.2", "127.0.0.1"} : std::vector<std::string>{};
  }});
  // The server listens on the second one only.
  EXPECT_EQ(text(caller.get(server.url("/", "service.example"))), "200 x");
  EXPECT_THAT(text(caller.get(server.url("/", "other.example"))),
              testing::AllOf(StartsWith("unresolved: "), HasSubstr("other.example")));
}

TEST(HttpClient, asks_the_system_for_an_address) {
  const Server server(always(answer(200, "x")));
  Caller caller;
  EXPECT_EQ(text(caller.get(server.url("/", "localhost"))), "200 x");
  EXPECT_THAT(text(caller.get("http://name.invalid/")), StartsWith("unresolved: "));
}

TEST(HttpClient, does_not_look_up_an_address) {
  const Server server(always(answer(200, "x")));
  std::atomic<int> looked_up = 0;
  Caller caller({.look_up = [&](const std::string&) {
    ++looked_up;
    return std::vector<std::string>{};
  }});
  EXPECT_EQ(text(caller.get(server.url())), "200 x");
  EXPECT_THAT(text(caller.get("http://[::1]:" + std::to_string(closed_port()) + "/")), StartsWith("unreachable: "));
  EXPECT_EQ(looked_up, 0);
}

}  // namespace
}  // namespace mooring::backends::http
