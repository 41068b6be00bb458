// The providers that this build knows, by name.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "backends/backend.h"
#include "backends/identity.h"

namespace mooring::backends {

struct BackendSettings {
  std::string local_directory;
};

using Registry = std::map<std::string, std::unique_ptr<Backend>, std::less<>>;

/// Blocking calls of the backends run on `pool`, which must outlive them.
Registry make_backends(const BackendSettings& settings, const Identity& identity, boost::asio::thread_pool& pool);

}  // namespace mooring::backends
