// Requests by way of a proxy that writes down what it was asked.
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_calls.h"
#include "http_server.h"

namespace mooring::backends::http {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

int connect_to(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return descriptor;
}

/// Both ways, until either side closes.
void join(int left, int right) {
  pollfd ends[] = {{left, POLLIN, 0}, {right, POLLIN, 0}};
  while (poll(ends, 2, -1) > 0) {
    for (int i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      char bytes[4096];
      const auto count = recv(ends[i].fd, bytes, sizeof bytes, 0);
      if (count <= 0) return;
      send(ends[1 - i].fd, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL);
    }
  }
}

class HttpByProxy : public testing::Test {
 protected:
  HttpByProxy() : identity_(authority_.issue("DNS:service.example")) {}

  void serve_proxy(Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      std::string to_connect;
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(request);
        to_connect = to_connect_;
      }
      peer.write(request.substr(0, 8) == "CONNECT " ? to_connect : answer(200, "by proxy"));
      if (request.substr(0, 8) != "CONNECT " || to_connect.find(" 200 ") == std::string::npos) continue;
      const int onward = connect_to(server_.port());
      join(peer.descriptor(), onward);
      close(onward);
      return;
    }
  }

  void answer_connect(std::string text) {
    const std::lock_guard lock(mutex_);
    to_connect_ = std::move(text);
  }

  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  ClientSettings settings() {
    ClientSettings settings;
    settings.user_agent = "moord/0";
    settings.ca_file = authority_.file();
    settings.proxies.http = "http://us:s3cret@127.0.0.1:" + std::to_string(proxy_.port());
    settings.proxies.https = settings.proxies.http;
    // The proxy looks up names, not the client.
    settings.look_up = [](const std::string&) { return std::vector<std::string>{}; };
    return settings;
  }

  Authority authority_;
  Identity identity_;
  std::string to_connect_ = "HTTP/1.0 200 Connection established\r\n\r\n";
  std::mutex mutex_;
  std::vector<std::string> asked_;
  Server server_{[this](Peer& peer) {
    if (!peer.start_tls(identity_)) return;
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request())
      peer.write(answer(200, request));
  }};
  Server proxy_{[this](Peer& peer) { serve_proxy(peer); }};
};

TEST_F(HttpByProxy, http_asks_the_proxy_for_the_whole_url) {
  Caller caller(settings());
  EXPECT_EQ(text(caller.get("http://service.example/x?y")), "200 by proxy");
  EXPECT_EQ(text(caller.get("http://service.example/x?y")), "200 by proxy");
  EXPECT_EQ(asked().at(0),
            "GET http://service.example/x?y HTTP/1.1\r\nHost: service.example\r\nUser-Agent: moord/0\r\n"
            "Proxy-Authorization: Basic dXM6czNjcmV0\r\n\r\n");
  EXPECT_EQ(asked().size(), 2U);
  EXPECT_EQ(proxy_.accepted(), 1U);
}

TEST_F(HttpByProxy, https_goes_through_a_tunnel_that_the_proxy_cannot_look_into) {
  Caller caller(settings());
  const auto first = caller.get("https://service.example/x?y");
  EXPECT_EQ(text(first), "200 GET /x?y HTTP/1.1\r\nHost: service.example\r\nUser-Agent: moord/0\r\n\r\n");
  EXPECT_EQ(text(caller.get("https://service.example/x?y")), text(first));
  EXPECT_THAT(asked(), ElementsAre("CONNECT service.example:443 HTTP/1.1\r\nHost: service.example:443\r\nUser-Agent: "
                                   "moord/0\r\nProxy-Authorization: Basic dXM6czNjcmV0\r\n\r\n"));
  EXPECT_EQ(server_.accepted(), 1U);
}

TEST_F(HttpByProxy, https_checks_the_server_and_not_the_proxy) {
  Caller caller(settings());
  EXPECT_THAT(text(caller.get("https://other.example/")), AllOf(StartsWith("untrusted: "), HasSubstr("other.example")));
}

TEST_F(HttpByProxy, refusal_is_no_connection_and_the_request_was_not_sent) {
  answer_connect(answer(407, "who are you?"));
  Caller caller(settings());
  EXPECT_THAT(
      text(caller.get("https://service.example/")),
      AllOf(StartsWith("unreachable: "), HasSubstr("407"), HasSubstr("service.example"), Not(HasSubstr("s3cret"))));
  answer_connect("nonsense\r\n\r\n");
  EXPECT_THAT(text(caller.get("https://service.example/")), StartsWith("unreachable: "));
  EXPECT_EQ(server_.accepted(), 0U);
}

TEST_F(HttpByProxy, silence_is_ended_by_the_limit_for_connections) {
  answer_connect("");
  Caller caller(settings());
  const Limits limits{.connect = std::chrono::milliseconds(30), .total = std::chrono::hours(1)};
  EXPECT_THAT(text(caller.get("https://service.example/", limits)),
              AllOf(StartsWith("timed_out: "), HasSubstr("proxy")));
}

TEST_F(HttpByProxy, none_is_asked_for_metadata_or_exceptions) {
  const Server direct(always(answer(200, "direct")));
  Request request;
  request.url = direct.url();
  Caller caller(settings());
  EXPECT_EQ(text(caller.send(request)), "200 by proxy");
  request.direct = true;
  EXPECT_EQ(text(caller.send(request)), "200 direct");
  ClientSettings excepting = settings();
  excepting.proxies.exceptions = {"127.0.0.0/8"};
  Caller other(excepting);
  EXPECT_EQ(text(other.get(direct.url())), "200 direct");
  EXPECT_EQ(asked().size(), 1U);
}

TEST_F(HttpByProxy, that_is_not_there_is_named) {
  ClientSettings gone = settings();
  gone.proxies.http = "http://us:s3cret@127.0.0.1:" + std::to_string(closed_port());
  Caller caller(gone);
  EXPECT_THAT(text(caller.get("http://service.example/")),
              AllOf(StartsWith("unreachable: "), HasSubstr("127.0.0.1"), Not(HasSubstr("s3cret"))));
}

TEST_F(HttpByProxy, of_an_unknown_kind_is_refused) {
  ClientSettings other = settings();
  other.proxies.https = "socks5://us:s3cret@127.0.0.1:1080";
  Caller caller(other);
  EXPECT_THAT(text(caller.get("https://service.example/")),
              AllOf(StartsWith("bad_request: "), HasSubstr("socks5"), Not(HasSubstr("s3cret"))));
}

}  // namespace
}  // namespace mooring::backends::http
