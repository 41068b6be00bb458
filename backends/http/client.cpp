#include "backends/http/client.h"

#include <optional>
#include <utility>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "backends/http/deadline.h"
#include "backends/http/dial.h"
#include "backends/http/exchange.h"
#include "backends/http/pool.h"
#include "backends/http/resolver.h"
#include "backends/http/tls.h"
#include "backends/http/wire.h"

namespace mooring::backends::http {

namespace asio = boost::asio;

struct Client::State {
  State(const asio::any_io_executor& executor, ClientSettings given)
      : settings(std::move(given)),
        resolver(executor, settings.look_up),
        tls(settings.ca_file),
        dialer(executor, resolver, tls, settings.user_agent),
        pool(std::make_shared<Pool>(executor, settings.idle_connections, settings.idle_time)) {}

  static asio::awaitable<Result<Response>> send(std::shared_ptr<State> state, Request request, Limits limits);

  [[nodiscard]] Result<Route> route_of(const Request& request) const;
  asio::awaitable<Result<Response>> ask(const Request& request, const Limits& limits);
  asio::awaitable<Exchange> ask_on(std::unique_ptr<Connection> connection, const std::string& key,
                                   const Question& question);

  ClientSettings settings;
  Resolver resolver;
  Tls tls;
  Dialer dialer;
  std::shared_ptr<Pool> pool;
};

Result<Route> Client::State::route_of(const Request& request) const {
  BOOST_OUTCOME_TRY(auto url, parse_url(request.url));
  Route route{std::move(url), std::nullopt};
  if (request.direct) return route;
  const std::string proxy = proxy_for(settings.proxies, route.url.scheme(), route.url.host, route.url.port);
  if (proxy.empty()) return route;
  BOOST_OUTCOME_TRY(route.proxy, parse_proxy(proxy));
  return route;
}

asio::awaitable<Exchange> Client::State::ask_on(std::unique_ptr<Connection> connection, const std::string& key,
                                                const Question& question) {
  Exchange exchanged = co_await exchange(*connection, question);
  if (exchanged.keep) pool->put(key, std::move(connection));
  co_return exchanged;
}

asio::awaitable<Result<Response>> Client::State::ask(const Request& request, const Limits& limits) {
  const Time deadline = after(limits.total);
  BOOST_OUTCOME_CO_TRYV(check_request(request));
  auto found = route_of(request);
  if (!found) co_return std::move(found).error();
  const Route route = std::move(found).value();
  const std::string key = route.key();
  const Question question{request_text(request, route, settings.user_agent),
                          route.url.host_and_port(),
                          request.method == "HEAD",
                          limits.read,
                          deadline,
                          limits.body};
  if (auto kept = pool->take(key)) {
    Exchange exchanged = co_await ask_on(std::move(kept), key, question);
    if (!exchanged.dead || !request.repeatable) co_return std::move(exchanged.result);
  }
  auto dialed = co_await dialer.dial(route, limits, deadline);
  if (!dialed) co_return std::move(dialed).error();
  auto fresh = std::move(dialed).value();
  Exchange exchanged = co_await ask_on(std::move(fresh), key, question);
  co_return std::move(exchanged.result);
}

asio::awaitable<Result<Response>> Client::State::send(std::shared_ptr<State> state, Request request, Limits limits) {
  Result<Response> result = co_await state->ask(request, limits);
  // What was cut short by a cancellation looks like a connection that broke. It is not: nobody is to act upon it.
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  co_return result;
}

Client::Client(asio::any_io_executor executor, ClientSettings settings)
    : state_(std::make_shared<State>(executor, std::move(settings))) {}

Client::~Client() = default;

asio::awaitable<Result<Response>> Client::send(Request request, Limits limits) {
  return State::send(state_, std::move(request), limits);
}

}  // namespace mooring::backends::http
