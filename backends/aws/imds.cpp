#include "backends/aws/imds.h"

#include <algorithm>
#include <utility>

#include "backends/answer.h"

namespace mooring::backends::aws {
namespace asio = boost::asio;

namespace {

constexpr const char* kTokenPath = "/latest/api/token";
constexpr std::chrono::seconds kTokenTtl{21600};  // the longest there is
constexpr std::chrono::seconds kRenewBefore{60};
constexpr std::chrono::milliseconds kWithin{5000};

}  // namespace

Imds::Imds(Metadata& metadata) : metadata_(metadata) {}

asio::awaitable<Result<void>> Imds::renew() {
  token_.clear();
  http::Headers headers = {{"X-aws-ec2-metadata-token-ttl-seconds", std::to_string(kTokenTtl.count())}};
  const auto asked = std::chrono::steady_clock::now();
  std::string method = "PUT";
  std::string path = kTokenPath;
  auto answer = co_await metadata_.fetch(std::move(method), std::move(path), std::move(headers), kWithin);
  const std::string request = "PUT " + metadata_.base() + kTokenPath;
  // A hop limit that is too low has the answer dropped on its way (EC2 User Guide, "Configure the metadata options").
  if (!answer) {
    Error error = std::move(answer).error();
    error.message += " (in a container: is the instance's metadata hop limit at least 2?)";
    co_return error;
  }
  // Every refusal is one, whatever its status: services that are like EC2's but have no tokens answer 404 or 405.
  const unsigned status = answer.value().status;
  if (status >= 400 && status < 500 && status != 429)
    co_return Error{Errc::denied,
                    request + ": status " + std::to_string(status) +
                        ": no session token is given (switched off, or not EC2's metadata)",
                    {}};
  BOOST_OUTCOME_CO_TRY(std::string token, text_of(std::move(answer), request));
  token = trimmed(token);
  if (!is_name(token)) co_return Error{Errc::unavailable, request + ": the answer is no session token", {}};
  token_ = std::move(token);
  token_expires_ = asked + kTokenTtl - kRenewBefore;
  co_return boost::outcome_v2::success();
}

asio::awaitable<Result<std::string>> Imds::get(std::string path) {
  bool fresh = false;
  for (;;) {
    if (token_.empty() || std::chrono::steady_clock::now() >= token_expires_) {
      BOOST_OUTCOME_CO_TRYV(co_await renew());
      fresh = true;
    }
    http::Headers headers = {{"X-aws-ec2-metadata-token", token_}};
    std::string method = "GET";
    auto answer = co_await metadata_.fetch(std::move(method), path, std::move(headers), kWithin);
    // The instance may have been moved, or the clock may have stood still: the token is gone before its time.
    if (answer && answer.value().status == 401 && !fresh) {
      token_.clear();
      continue;
    }
    const std::string request = "GET " + metadata_.base() + path;
    co_return text_of(std::move(answer), request);
  }
}

}  // namespace mooring::backends::aws
