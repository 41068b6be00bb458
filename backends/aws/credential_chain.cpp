#include "backends/aws/credential_chain.h"

#include <list>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "backends/http/fetch.h"

namespace mooring::backends::aws {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::system_clock;
using Shared = std::shared_ptr<const Credentials>;

constexpr std::chrono::minutes kAdvisory{
    5};  // IMDS has new ones five minutes before the old ones expire (EC2 User Guide)
constexpr std::chrono::seconds kMandatory{10};  // what a request may take
constexpr std::chrono::seconds kQuiet{30};      // after a renewal that failed or brought nothing newer
// How long past their expiry they go on before IMDS is asked again: not at once with the rest of the fleet.
constexpr std::chrono::minutes kShortestExtension{5};
constexpr std::chrono::minutes kLongestExtension{10};

/// One fetch, and who waits for it.
struct Flight {
  std::optional<Result<Shared>> outcome;  // empty: under way, or given up by the caller that made it
  std::list<asio::steady_timer> waiters;
};

Credentials extended(Credentials credentials, system_clock::time_point now) {
  const auto spread = std::chrono::duration<double>(kLongestExtension - kShortestExtension) * http::chance();
  const auto more = kShortestExtension + std::chrono::duration_cast<std::chrono::seconds>(spread);
  credentials.expires = now + kAdvisory + more;  // so that they are fresh for `more`
  return credentials;
}

}  // namespace

Freshness freshness(const Credentials& credentials, system_clock::time_point now) {
  if (!credentials.expires) return Freshness::fresh;
  const auto left = *credentials.expires - now;
  if (left <= kMandatory) return Freshness::stale;
  return left <= kAdvisory ? Freshness::ageing : Freshness::fresh;
}

struct CredentialChain::State {
  Fetch fetch;
  Clock clock;
  Shared current;
  system_clock::time_point quiet_until;
  std::shared_ptr<Flight> flight;

  /// Not to be renewed by this caller now.
  [[nodiscard]] bool will_do() const {
    const auto now = clock();
    switch (current ? freshness(*current, now) : Freshness::stale) {
      case Freshness::fresh:
        return true;
      case Freshness::ageing:
        return flight != nullptr || now < quiet_until;
      case Freshness::stale:
        return false;
    }
    return false;
  }

  Result<Shared> settle(Result<Credentials> fetched) {
    const auto now = clock();
    if (!fetched) return settle_failure(std::move(fetched).error(), now);
    Credentials credentials = std::move(fetched).value();
    const auto state = freshness(credentials, now);
    if (state == Freshness::stale && credentials.outlive_expiry) credentials = extended(std::move(credentials), now);
    if (state == Freshness::ageing) quiet_until = now + kQuiet;
    current = std::make_shared<const Credentials>(std::move(credentials));
    return current;
  }

  Result<Shared> settle_failure(Error error, system_clock::time_point now) {
    if (!current) return error;
    if (freshness(*current, now) == Freshness::stale) {
      if (!current->outlive_expiry) return error;
      current = std::make_shared<const Credentials>(extended(*current, now));
    }
    quiet_until = now + kQuiet;
    return current;
  }
};

namespace {

/// Whatever becomes of the caller that fetches, its place is given up and those who wait are woken.
template <class State>
class Landing {
 public:
  explicit Landing(std::shared_ptr<State> state) : state_(std::move(state)), flight_(std::make_shared<Flight>()) {
    state_->flight = flight_;
  }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;
  ~Landing() {
    state_->flight = nullptr;
    for (auto& waiter : flight_->waiters) waiter.cancel();
  }

  void outcome(const Result<Shared>& result) { flight_->outcome = result; }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Flight> flight_;
};

awaitable<void> wait_for(std::shared_ptr<Flight> flight) {
  auto executor = co_await asio::this_coro::executor;
  auto& timer = flight->waiters.emplace_back(executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace

CredentialChain::CredentialChain(Fetch fetch, Clock clock) : state_(std::make_shared<State>()) {
  state_->fetch = std::move(fetch);
  state_->clock = std::move(clock);
}

CredentialChain::CredentialChain(http::Client& client, Imds& imds, Environment environment, CredentialSettings settings,
                                 asio::thread_pool& pool)
    : CredentialChain(
          [sources = std::make_shared<CredentialSources>(client, imds, std::move(environment), std::move(settings),
                                                         pool)] { return sources->fetch(); },
          [] { return system_clock::now(); }) {}

awaitable<Result<Shared>> CredentialChain::get() {
  const auto state = state_;
  for (;;) {
    if (state->will_do()) co_return state->current;
    const auto flight = state->flight;
    if (!flight) break;
    co_await wait_for(flight);
    if (flight->outcome) co_return *flight->outcome;
  }
  Landing landing(state);
  auto fetched = co_await state->fetch();
  // Who was cancelled has an error of its own, not one for those who wait: one of them asks again.
  const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
  if (!fetched && cancelled != asio::cancellation_type::none) co_return std::move(fetched).error();
  auto outcome = state->settle(std::move(fetched));
  landing.outcome(outcome);
  co_return outcome;
}

void CredentialChain::refused(const Credentials& credentials) {
  const auto& current = state_->current;
  const bool same = current && current->access_key_id == credentials.access_key_id &&
                    current->session_token == credentials.session_token;
  if (same) state_->current = nullptr;
}

}  // namespace mooring::backends::aws
