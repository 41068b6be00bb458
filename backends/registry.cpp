#include "backends/registry.h"

#include "backends/aws/aws_backend.h"
#include "backends/local/local_backend.h"

namespace mooring::backends {

Registry make_backends(const BackendSettings& settings, const Identity& identity, const Surroundings& surroundings) {
  Registry registry;
  auto add = [&registry](std::unique_ptr<Backend> backend) {
    std::string name{backend->name()};
    registry.emplace(std::move(name), std::move(backend));
  };
  add(std::make_unique<local::LocalBackend>(settings.local_directory, identity, surroundings.pool));
  if (identity.provider == "aws")
    add(std::make_unique<aws::AwsBackend>(settings.aws, settings.metadata, identity, surroundings.executor,
                                          surroundings.client, surroundings.environment, surroundings.pool));
  return registry;
}

}  // namespace mooring::backends
