// Who we are to AWS, kept up to date: cached, renewed ahead of expiry, asked for once however many want to know.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "backends/aws/credential_sources.h"
#include "backends/aws/credentials.h"
#include "backends/aws/imds.h"
#include "backends/environment.h"
#include "backends/error.h"
#include "backends/http/client.h"

namespace mooring::backends::aws {

enum class Freshness : std::uint8_t {
  fresh,
  ageing,  // from 5 minutes before expiry: newer ones are asked for, but these do
  stale,   // from 10 seconds before: not to be used for one more request
};
Freshness freshness(const Credentials& credentials, std::chrono::system_clock::time_point now);

/// For one thread. What it is given must outlive every get().
class CredentialChain {
 public:
  using Fetch = std::function<boost::asio::awaitable<Result<Credentials>>()>;
  using Clock = std::function<std::chrono::system_clock::time_point()>;

  /// See CredentialSources for where it looks.
  CredentialChain(http::Client& client, Imds& imds, Environment environment, CredentialSettings settings,
                  boost::asio::thread_pool& pool);
  /// Of any other source, by any other clock.
  CredentialChain(Fetch fetch, Clock clock);

  /// The cached ones while they are fresh. Ageing ones are renewed, by one caller, while others go on with them; if
  /// that fails everybody goes on with them, and for half a minute nobody tries. Without usable ones all callers wait
  /// for the same fetch, and get its credentials or its error. Does not block. Errors: denied, unavailable; never with
  /// a secret in the message.
  boost::asio::awaitable<Result<std::shared_ptr<const Credentials>>> get();

  /// The service says that these have expired: if they are still the current ones, the next get() fetches anew.
  void refused(const Credentials& credentials);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mooring::backends::aws
