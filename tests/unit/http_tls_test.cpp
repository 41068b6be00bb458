// Whom the client trusts.
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_calls.h"
#include "http_server.h"

namespace mooring::backends::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class HttpTls : public testing::Test {
 protected:
  HttpTls()
      : named_(authority_.issue("DNS:service.example,DNS:*.wild.example")),
        addressed_(authority_.issue("IP:127.0.0.1")) {}

  ClientSettings settings(std::string ca_file) {
    return {.ca_file = std::move(ca_file),
            .look_up = [](const std::string&) { return std::vector<std::string>{"127.0.0.1"}; }};
  }
  Server::Serve with(const Identity& identity, int latest_version = TLS1_3_VERSION) {
    return [this, &identity, latest_version](Peer& peer) {
      if (!peer.start_tls(identity, latest_version)) return;
      server_name_ = peer.server_name();
      while (!peer.read_request().empty()) peer.write(answer(200, "x"));
    };
  }
  /// What comes of a request to a server with this certificate, under this name.
  std::string ask(const Identity& identity, const std::string& host, int latest_version = TLS1_3_VERSION) {
    const Server server(with(identity, latest_version));
    Caller caller(settings(authority_.file()));
    return text(caller.get(server.url("/?q=s3cret", host, "https")));
  }

  Authority authority_;
  Identity named_;
  Identity addressed_;
  std::string server_name_;
};

TEST_F(HttpTls, trusts_a_certificate_of_its_authority_for_the_name) {
  EXPECT_EQ(ask(named_, "service.example"), "200 x");
  EXPECT_EQ(server_name_, "service.example");
  EXPECT_EQ(ask(named_, "a.wild.example"), "200 x");
  EXPECT_EQ(ask(named_, "service.example", TLS1_2_VERSION), "200 x");
}

TEST_F(HttpTls, trusts_a_certificate_for_an_address_and_sends_no_name_for_it) {
  EXPECT_EQ(ask(addressed_, "127.0.0.1"), "200 x");
  EXPECT_EQ(server_name_, "");
}

TEST_F(HttpTls, does_not_trust_a_certificate_for_another_name) {
  EXPECT_THAT(ask(named_, "other.example"),
              AllOf(StartsWith("untrusted: "), HasSubstr("other.example"), HasSubstr("ostname mismatch")));
  EXPECT_THAT(ask(named_, "a.b.wild.example"), StartsWith("untrusted: "));
  EXPECT_THAT(ask(named_, "127.0.0.1"), AllOf(StartsWith("untrusted: "), HasSubstr("IP address mismatch")));
  EXPECT_THAT(ask(addressed_, "service.example"), StartsWith("untrusted: "));
}

TEST_F(HttpTls, does_not_trust_an_authority_it_does_not_know) {
  const Authority other;
  EXPECT_THAT(ask(other.issue("DNS:service.example"), "service.example"),
              AllOf(StartsWith("untrusted: "), HasSubstr("issuer certificate")));
}

TEST_F(HttpTls, does_not_speak_a_version_that_is_too_old) {
  EXPECT_THAT(ask(named_, "service.example", TLS1_1_VERSION), StartsWith("untrusted: "));
}

TEST_F(HttpTls, does_not_take_a_server_without_it) {
  const Server plain([](Peer& peer) {
    peer.write(answer(400, "speak plainly"));
    peer.wait_for_end();
  });
  const Server gone([](Peer&) {});
  Caller caller(settings(authority_.file()));
  EXPECT_THAT(text(caller.get(plain.url("/", "service.example", "https"))), StartsWith("untrusted: "));
  EXPECT_THAT(text(caller.get(gone.url("/", "service.example", "https"))), StartsWith("unreachable: "));
}

TEST_F(HttpTls, uses_a_connection_again) {
  const Server server(with(named_));
  Caller caller(settings(authority_.file()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text(caller.get(server.url("/", "service.example", "https"))), "200 x");
  EXPECT_EQ(server.accepted(), 1U);
}

TEST_F(HttpTls, uses_the_systems_authorities_if_there_is_no_other) {
  const Server server(with(named_));
  const std::string url = server.url("/", "service.example", "https");
  Caller unknown(settings(""));
  EXPECT_THAT(text(unknown.get(url)), StartsWith("untrusted: "));
  setenv("SSL_CERT_FILE", authority_.file().c_str(), 1);
  Caller known(settings(""));
  EXPECT_EQ(text(known.get(url)), "200 x");
  unsetenv("SSL_CERT_FILE");
}

TEST_F(HttpTls, reads_its_authorities_when_they_are_needed) {
  const Server plain(always(answer(200, "x")));
  const Server server(with(named_));
  const std::string file = authority_.file() + ".late";
  Caller caller(settings(file));
  EXPECT_EQ(text(caller.get(plain.url())), "200 x");
  const std::string url = server.url("/", "service.example", "https");
  EXPECT_THAT(text(caller.get(url)), AllOf(StartsWith("untrusted: "), HasSubstr(file)));
  std::ofstream(file) << std::ifstream(authority_.file()).rdbuf();
  EXPECT_EQ(text(caller.get(url)), "200 x");
  std::remove(file.c_str());
}

TEST_F(HttpTls, an_answer_without_length_that_is_cut_off_is_none) {
  const Server server([this](Peer& peer) {
    if (!peer.start_tls(named_)) return;
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\n\r\nall of it?");
  });
  Caller caller(settings(authority_.file()));
  EXPECT_THAT(text(caller.get(server.url("/", "service.example", "https"))),
              AllOf(StartsWith("broken, maybe received: "), HasSubstr("too early")));
}

}  // namespace
}  // namespace mooring::backends::http
