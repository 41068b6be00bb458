#include "agent/act/locator.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "backends/http/fetch.h"

namespace mooring::agent::act {
namespace {

// A container waits for it, so not longer; the metadata of one instance is not a service that many ask at once.
constexpr std::chrono::milliseconds kFirstWait{500};
constexpr std::chrono::milliseconds kLongestWait{10000};

}  // namespace

boost::asio::awaitable<backends::Identity> locate(backends::IdentitySettings settings,
                                                  backends::Environment environment, backends::http::Client& client,
                                                  Here& here, std::function<void()> still_unknown) {
  using Outcome = backends::Detection::Outcome;
  std::string told;
  for (auto wait = kFirstWait;; wait = std::min(wait * 2, kLongestWait)) {
    auto detection = co_await backends::detect(settings, environment, client);
    if (detection.outcome != Outcome::unreachable) co_return std::move(detection.identity);
    here.lacks("where this instance is, is not known yet: it is of " + detection.provider + ", but " +
               detection.problem);
    if (told != detection.problem) spdlog::warn("{}; will ask again", here.missing());
    told = detection.problem;
    still_unknown();
    co_await backends::http::pause(wait);
  }
}

}  // namespace mooring::agent::act
