// All that one client of the API can send in one connection, and what it is answered: whatever it is, the answers are
// whole HTTP messages that say the truth about themselves, and the server can be stopped.
#include <algorithm>
#include <cerrno>
#include <string>

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>

#include "tests/fuzz/agent.h"
#include "tests/fuzz/fuzz.h"

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using mooring::fuzz::expect;

/// The client's end: never waits.
class Client {
 public:
  explicit Client(mooring::fuzz::Agent& agent) : agent_(agent) {
    int ends[2];
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0, "there are sockets");
    own_ = ends[0];
    agent.server().serve({agent.context(), asio::local::stream_protocol(), ends[1]});
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(own_); }

  void send(std::string_view text) {
    while (!text.empty()) {
      const auto count = ::send(own_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
      if (count < 0 && errno != EAGAIN) return;  // the server has hung up
      let_it_work();
    }
    let_it_work();
  }
  void send_no_more() {
    shutdown(own_, SHUT_WR);
    let_it_work();
  }
  /// Until there is nothing to do, and nothing to read.
  void let_it_work() {
    for (bool any = true; any;) {
      any = agent_.context().poll() > 0;
      char piece[16384];
      const auto count = recv(own_, piece, sizeof piece, 0);
      if (count > 0) received_.append(piece, static_cast<std::size_t>(count));
      any = any || count > 0;
    }
  }
  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  mooring::fuzz::Agent& agent_;
  int own_ = -1;
  std::string received_;
};

void expect_lines(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    mooring::fuzz::expect_printable(text.substr(at, end - at));
    at = end + 1;
  }
}

/// A body is what its head says it is.
void expect_body(const http::response_header<>& head, std::string_view body) {
  const std::string_view type = head[http::field::content_type];
  if (type == "text/plain" || type == "text/event-stream") return expect_lines(body);
  mooring::fuzz::expect_printable(body);
  boost::system::error_code error;
  const auto value = json::parse(body, error);
  expect(!error && value.is_object(), "a body is a JSON object", body);
  if (type == "application/json") return;
  expect(type == "application/problem+json", "a body is JSON, text, or events", type);
  const auto& problem = value.as_object();
  expect(head.result_int() >= 400, "a problem has the status of one", body);
  expect(problem.at("status").to_number<unsigned>() == head.result_int(), "a problem repeats the status", body);
  expect(!problem.at("title").as_string().empty() && !problem.at("detail").as_string().empty(), "a problem says which",
         body);
}

/// The answer that `text` begins with; returns what comes after it.
std::string_view expect_answer(std::string_view text, bool may_have_no_body) {
  http::response_parser<http::string_body> parser;
  parser.eager(false);
  parser.body_limit(std::uint64_t{1} << 30U);
  boost::system::error_code error;
  text.remove_prefix(parser.put(asio::buffer(text), error));
  expect(!error && parser.is_header_done(), "the head of an answer is HTTP", text);
  const auto head = parser.get().base();
  expect(head.result_int() < 500 || head.result_int() == 503, "no client can make the server fail", text);
  const auto length = parser.content_length();
  if (head[http::field::content_type] == "text/event-stream") {
    // Of HEAD nothing follows; a stream ends with the connection.
    const auto none = text.starts_with("HTTP/1.");
    if (!none) expect_body(head, text);
    return none ? text : std::string_view();
  }
  expect(length.has_value(), "an answer says how long it is", text);
  if (may_have_no_body && (text.empty() || text.starts_with("HTTP/1."))) return text;
  expect(text.size() >= *length, "an answer is whole", text);
  expect_body(head, text.substr(0, *length));
  return text.substr(*length);
}

/// Not within LLVMFuzzerTestOneInput: g++ 12 gives coroutines of an extern "C" function the same name twice.
bool stops(mooring::fuzz::Agent& agent, Client& client) {
  bool stopped = false;
  agent.api().stop();
  auto stop = [&agent]() -> asio::awaitable<void> { co_await agent.server().stop(); };
  asio::co_spawn(agent.context(), stop, [&stopped](const std::exception_ptr& bug) {
    expect(!bug, "stopping works");
    stopped = true;
  });
  client.let_it_work();
  return stopped;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  const auto text = mooring::fuzz::text_of(data, size);
  mooring::fuzz::Agent agent;
  Client client(agent);
  client.send(text.substr(0, size / 2));  // in two pieces: requests are cut anywhere
  client.send(text.substr(size / 2));
  if (size % 2 == 0) client.send_no_more();  // or it is still there when the server stops

  expect(stops(agent, client), "the server stops, whoever is connected", text);

  const bool may_have_no_body = text.find("HEAD") != std::string_view::npos;
  for (std::string_view answers = client.received(); !answers.empty();)
    answers = expect_answer(answers, may_have_no_body);
  return 0;
}
