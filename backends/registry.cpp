#include "backends/registry.h"

#include "backends/local/local_backend.h"

namespace mooring::backends {

Registry make_backends(const BackendSettings& settings, const Identity& identity, boost::asio::thread_pool& pool) {
  Registry registry;
  auto add = [&registry](std::unique_ptr<Backend> backend) {
    std::string name{backend->name()};
    registry.emplace(std::move(name), std::move(backend));
  };
  add(std::make_unique<local::LocalBackend>(settings.local_directory, identity, pool));
  return registry;
}

}  // namespace mooring::backends
