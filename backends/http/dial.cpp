#include "backends/http/dial.h"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>

#include "backends/http/exchange.h"

namespace mooring::backends::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

std::string address_of(const tcp::endpoint& server) {
  return server.address().to_string() + " port " + std::to_string(server.port());
}

Error no_connection(const std::string& host, const tcp::endpoint& server, const error_code& error) {
  const std::string where = host + " (" + address_of(server) + ")";
  if (error == asio::error::timed_out) return {Errc::timed_out, where + " did not take the connection in time", false};
  return {Errc::unreachable, "cannot connect to " + where + ": " + error.message(), false};
}

/// Says less than any other failure: the instance has no such network at all.
bool no_route(const error_code& error) {
  return error == asio::error::network_unreachable || error == asio::error::address_family_not_supported ||
         error == error_code(EADDRNOTAVAIL, boost::system::system_category());
}

}  // namespace

Dialer::Dialer(asio::any_io_executor executor, Resolver& resolver, Tls& tls, std::string user_agent)
    : executor_(std::move(executor)), resolver_(resolver), tls_(tls), user_agent_(std::move(user_agent)) {}

asio::awaitable<Result<std::unique_ptr<Connection>>> Dialer::dial(const Route& route, Limits limits, Time deadline) {
  const std::string host = route.proxy ? route.proxy->host : route.url.host;
  const std::uint16_t port = route.proxy ? route.proxy->port : route.url.port;
  auto found = co_await resolver_.look_up(host, deadline);
  if (!found) co_return std::move(found).error();
  const Addresses addresses = std::move(found).value();
  Error failure;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const tcp::endpoint server(addresses[i], port);
    const Time limit = std::min(after(limits.connect), deadline);
    auto connection = std::make_unique<Connection>(executor_);
    const error_code refused = co_await connection->connect(server, limit);
    if (refused) {
      if (i == 0 || !no_route(refused)) failure = no_connection(host, server, refused);
    } else {
      auto ready = co_await prepare(*connection, route, limit);
      if (ready) co_return std::move(connection);
      failure = std::move(ready).error();
      // Whoever does not have the right certificate will hardly have it at another address.
      if (failure.code == Errc::untrusted) break;
    }
    if (Clock::now() >= deadline) break;
  }
  co_return failure;
}

asio::awaitable<Result<void>> Dialer::prepare(Connection& connection, const Route& route, Time deadline) {
  if (!route.url.tls) co_return boost::outcome_v2::success();
  auto context = tls_.context();
  if (!context) co_return std::move(context).error();
  if (route.proxy) {
    auto opened = co_await open_tunnel(connection, route, deadline);
    if (!opened) co_return std::move(opened).error();
  }
  co_return co_await connection.start_tls(*context.value(), route.url.host, deadline);
}

asio::awaitable<Result<void>> Dialer::open_tunnel(Connection& connection, const Route& route, Time deadline) {
  Question question;
  question.text = connect_text(route, user_agent_);
  question.host = "the proxy " + route.proxy->host_and_port();
  question.head_only = true;
  question.silence = std::chrono::milliseconds::max();
  question.deadline = deadline;
  Exchange exchanged = co_await exchange(connection, question);
  if (!exchanged.result) {
    Error error = std::move(exchanged.result).error();
    // Of the request itself nothing has been sent.
    error.maybe_received = false;
    if (error.code != Errc::timed_out) error.code = Errc::unreachable;
    co_return error;
  }
  if (exchanged.result.value().ok()) co_return boost::outcome_v2::success();
  const std::string status = std::to_string(exchanged.result.value().status);
  co_return Error{Errc::unreachable,
                  question.host + " does not let through to " + route.url.host_and_port() + ": status " + status,
                  false};
}

}  // namespace mooring::backends::http
