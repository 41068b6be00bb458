// A task's binds as container runtimes want them. Pure.
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace mooring::agent::ctl {

/// The text, or why there is none: a path that cannot be passed on is not left out, as a container without one of its
/// mounts would write to the root disk.
struct Binds {
  std::string text;
  std::string problem;
};

/// One `--mount type=bind,source=…,target=…[,readonly]` a line; a value with a comma or a quote in it is quoted as CSV
/// (docs.docker.com, docker run --mount).
Binds docker_binds(const boost::json::object& task);

/// The `mounts` of an OCI runtime configuration (runtime-spec, config.md#mounts): a JSON array.
Binds oci_binds(const boost::json::object& task);

}  // namespace mooring::agent::ctl
