// The metadata service of an EC2 instance, IMDSv2 (EC2 User Guide, "Use IMDS to access instance metadata").
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/metadata.h"

namespace mooring::backends::aws {

/// For one thread. Keeps its session token, and gets a new one before it expires or when it is refused (401).
class Imds {
 public:
  explicit Imds(Metadata& metadata);

  /// The text at `path` ("/latest/dynamic/instance-identity/document"). With IMDSv2 only: a service that refuses to
  /// give a token is not fallen back from. Errors: not_found (404), denied (401, 403: the service is switched off, or
  /// the hop limit is too low), unavailable.
  boost::asio::awaitable<Result<std::string>> get(std::string path);

 private:
  boost::asio::awaitable<Result<void>> renew();

  Metadata& metadata_;
  std::string token_;
  std::chrono::steady_clock::time_point token_expires_;
};

}  // namespace mooring::backends::aws
