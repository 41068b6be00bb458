#include "agent/ctl/client.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/un.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace mooring::agent::ctl {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;
using boost::system::error_code;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kLongestBody = 256ULL << 20U;
constexpr std::uint32_t kLongestHeader = 64U << 10U;
constexpr auto kConnectTime = std::chrono::seconds(10);
// The server says something every 30 s, if only that it is still there.
constexpr auto kLongestSilence = std::chrono::seconds(90);

Failure no_connection(const error_code& error) {
  const bool denied = error == error_code(EACCES, error.category()) || error == error_code(EPERM, error.category());
  if (error == beast::error::timeout) return {Failure::Why::silent, "it does not take the connection", 0};
  return {denied ? Failure::Why::denied : Failure::Why::no_daemon, error.message(), 0};
}

Failure no_answer(const error_code& error) {
  if (error == beast::error::timeout) return {Failure::Why::silent, "there was no answer in time", 0};
  const bool ended = error == http::error::end_of_stream || error == http::error::partial_message ||
                     error.category() == asio::error::get_system_category() ||
                     error.category() == asio::error::get_misc_category();
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return {Failure::Why::gone, "the connection was closed", 0};
  return {ended ? Failure::Why::gone : Failure::Why::not_http, error.message(), 0};
}

http::request<http::string_body> request_of(const Call& call, bool streams) {
  http::request<http::string_body> request{http::string_to_verb(call.method), call.target, 11};
  request.set(http::field::host, "localhost");
  request.set(http::field::user_agent, "moorctl/" MOORING_VERSION);
  request.set(http::field::accept, streams ? "text/event-stream" : "application/json");
  request.keep_alive(false);
  if (!call.body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = call.body;
  request.prepare_payload();
  return request;
}

using Parser = http::response_parser<http::string_body>;

/// Connects, sends, and reads the head of the answer; nothing if all went well.
asio::awaitable<std::optional<Failure>> begin(Stream& stream, beast::flat_buffer& buffer, Parser& parser,
                                              const std::string& socket, const Call& call, bool streams) {
  stream.expires_after(kConnectTime);
  const auto [refused] = co_await stream.async_connect(Protocol::endpoint(socket), kNoThrow);
  if (refused) co_return no_connection(refused);
  const auto request = request_of(call, streams);
  stream.expires_at(std::min(std::chrono::steady_clock::now() + call.timeout, call.until));
  // A server that refuses a body answers before it has read all of it: what it says counts more than the broken pipe.
  const auto [unsent, written] = co_await http::async_write(stream, request, kNoThrow);
  parser.header_limit(kLongestHeader);
  const auto [unread, read] = co_await http::async_read_header(stream, buffer, parser, kNoThrow);
  if (unread) co_return no_answer(unsent ? unsent : unread);
  co_return std::nullopt;
}

asio::awaitable<Reply> read_body(Stream& stream, beast::flat_buffer& buffer, Parser& parser) {
  const auto [error, count] = co_await http::async_read(stream, buffer, parser, kNoThrow);
  if (error) co_return no_answer(error);
  co_return Response{parser.get().result_int(), std::move(parser.get().body())};
}

asio::awaitable<Reply> exchange(Stream& stream, const std::string& socket, const Call& call) {
  beast::flat_buffer buffer;
  Parser parser;
  parser.body_limit(kLongestBody);
  if (auto failure = co_await begin(stream, buffer, parser, socket, call, false)) co_return *std::move(failure);
  co_return co_await read_body(stream, buffer, parser);
}

asio::awaitable<Reply> follow(Stream& stream, const std::string& socket, const Call& call, const OnPart& on_part) {
  beast::flat_buffer buffer;
  Parser parser;
  if (auto failure = co_await begin(stream, buffer, parser, socket, call, true)) co_return *std::move(failure);
  if (parser.get().result_int() != 200) {
    parser.body_limit(kLongestBody);
    co_return co_await read_body(stream, buffer, parser);
  }
  parser.body_limit(boost::none);
  while (!parser.is_done()) {
    const auto silence = std::chrono::steady_clock::now() + kLongestSilence;
    stream.expires_at(std::min(silence, call.until));
    const auto [error, count] = co_await http::async_read_some(stream, buffer, parser, kNoThrow);
    if (error == beast::error::timeout && call.until < silence) break;
    const std::string part = std::exchange(parser.get().body(), {});
    if (!part.empty() && !on_part(part)) break;
    if (error && error != http::error::end_of_stream) co_return no_answer(error);
  }
  co_return Response{200, {}};
}

}  // namespace

struct Client::Loop {
  asio::io_context context{1};
  std::optional<asio::signal_set> signals;
  Stream* under_way = nullptr;
  int signal = 0;

  Reply run(const std::string& socket, std::function<asio::awaitable<Reply>(Stream&)> work);
};

Reply Client::Loop::run(const std::string& socket, std::function<asio::awaitable<Reply>(Stream&)> work) {
  const auto interrupted = [this] { return Failure{Failure::Why::interrupted, "interrupted", signal}; };
  if (signal != 0) return interrupted();
  // Asio would throw; unix(7): the path and its final NUL have to fit.
  if (socket.size() >= sizeof(sockaddr_un::sun_path))
    return Failure{Failure::Why::no_daemon, "the path is too long for a socket", 0};
  std::optional<Reply> reply;
  Stream stream(context.get_executor());
  under_way = &stream;
  asio::co_spawn(context, work(stream), [&reply](const std::exception_ptr& bug, Reply result) {
    if (bug) std::rethrow_exception(bug);
    reply = std::move(result);
  });
  context.restart();
  // Not until all work is done: a signal may be waited for as well.
  while (!reply) context.run_one();
  under_way = nullptr;
  if (signal != 0) return interrupted();
  return *std::move(reply);
}

Client::Client(std::string socket) : socket_(std::move(socket)), loop_(std::make_unique<Loop>()) {}

Client::~Client() = default;

void Client::catch_signals() {
  if (loop_->signals) return;
  loop_->signals.emplace(loop_->context, SIGINT, SIGTERM);
  loop_->signals->async_wait([loop = loop_.get()](const error_code& error, int signal) {
    if (error) return;
    loop->signal = signal;
    if (loop->under_way != nullptr) loop->under_way->cancel();
    // The next one ends the process: whoever presses Ctrl-C twice means it.
    error_code ignored;
    loop->signals->clear(ignored);
  });
}

Reply Client::send(const Call& call) {
  return loop_->run(socket_, [&](Stream& stream) { return exchange(stream, socket_, call); });
}

Reply Client::stream(const Call& call, const OnPart& on_part) {
  return loop_->run(socket_, [&](Stream& stream) { return follow(stream, socket_, call, on_part); });
}

}  // namespace mooring::agent::ctl
