#include "backends/http/connection.h"

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace mooring::backends::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

/// Beast's own error for a deadline is not known outside of this file.
error_code plain(const error_code& error) {
  return error == beast::error::timeout ? error_code(asio::error::timed_out) : error;
}

}  // namespace

struct Connection::Stream {
  explicit Stream(asio::any_io_executor executor) : tcp(std::move(executor)) {}

  beast::tcp_stream tcp;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls;
};

Connection::Connection(asio::any_io_executor executor) : stream_(std::make_unique<Stream>(std::move(executor))) {}

Connection::~Connection() = default;

asio::awaitable<error_code> Connection::connect(tcp::endpoint server, Time deadline) {
  if (Clock::now() >= deadline) co_return asio::error::timed_out;
  error_code error;
  tcp::socket& socket = stream_->tcp.socket();
  socket.open(server.protocol(), error);
  if (error) co_return error;
  // Asio does not, and the agent runs programs.
  fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  stream_->tcp.expires_at(deadline);
  const auto [refused] = co_await stream_->tcp.async_connect(server, kNoThrow);
  if (refused) co_return plain(refused);
  socket.set_option(tcp::no_delay(true), error);
  co_return error_code{};
}

asio::awaitable<Result<void>> Connection::start_tls(asio::ssl::context& context, const std::string& host,
                                                    Time deadline) {
  auto& tls = stream_->tls.emplace(stream_->tcp, context);
  if (!expect_host(tls.native_handle(), host)) co_return Error{Errc::untrusted, "TLS could not be set up", false};
  stream_->tcp.expires_at(deadline);
  const auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::client, kNoThrow);
  if (!error) co_return boost::outcome_v2::success();
  if (plain(error) == asio::error::timed_out)
    co_return Error{Errc::timed_out, host + " did not finish the TLS handshake in time", false};
  if (error.category() == asio::error::get_ssl_category())
    co_return Error{Errc::untrusted, "no TLS with " + host + ": " + handshake_failure(tls.native_handle(), error),
                    false};
  co_return Error{Errc::unreachable, host + " ended the TLS handshake: " + error.message(), false};
}

asio::awaitable<Transferred> Connection::read_some(asio::mutable_buffer into, Time deadline) {
  // A server that always has a byte ready would otherwise never meet the timer.
  if (Clock::now() >= deadline) co_return Transferred{asio::error::timed_out, 0};
  stream_->tcp.expires_at(deadline);
  if (stream_->tls) {
    const auto [error, count] = co_await stream_->tls->async_read_some(into, kNoThrow);
    co_return Transferred{plain(error), count};
  }
  const auto [error, count] = co_await stream_->tcp.async_read_some(into, kNoThrow);
  co_return Transferred{plain(error), count};
}

asio::awaitable<Transferred> Connection::write_some(asio::const_buffer from, Time deadline) {
  if (Clock::now() >= deadline) co_return Transferred{asio::error::timed_out, 0};
  stream_->tcp.expires_at(deadline);
  if (stream_->tls) {
    const auto [error, count] = co_await stream_->tls->async_write_some(from, kNoThrow);
    co_return Transferred{plain(error), count};
  }
  const auto [error, count] = co_await stream_->tcp.async_write_some(from, kNoThrow);
  co_return Transferred{plain(error), count};
}

bool Connection::quiet() const {
  // What TLS has taken from the socket already is not to be seen there any more.
  if (stream_->tls) {
    SSL* tls = stream_->tls->native_handle();
    if (SSL_has_pending(tls) != 0 || BIO_ctrl_pending(SSL_get_rbio(tls)) > 0) return false;
  }
  char byte = 0;
  const auto count = recv(stream_->tcp.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace mooring::backends::http
