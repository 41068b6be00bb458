// The providers that this build knows, by name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "backends/aws/aws_settings.h"
#include "backends/backend.h"
#include "backends/environment.h"
#include "backends/http/client.h"
#include "backends/identity.h"

namespace mooring::backends {

struct BackendSettings {
  std::string local_directory;
  aws::AwsSettings aws;
  std::vector<std::string> metadata;  // base URLs; empty: each cloud's own
};

/// What backends work with; all of it must outlive them. Blocking calls run on `pool`.
struct Surroundings {
  boost::asio::any_io_executor executor;
  http::Client& client;
  const Environment& environment;
  boost::asio::thread_pool& pool;
};

using Registry = std::map<std::string, std::unique_ptr<Backend>, std::less<>>;

/// The local backend, and the one of the provider that this instance runs on.
Registry make_backends(const BackendSettings& settings, const Identity& identity, const Surroundings& surroundings);

}  // namespace mooring::backends
