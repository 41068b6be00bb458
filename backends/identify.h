// Finds out where this instance is.
#pragma once

#include <string>

#include "backends/error.h"
#include "backends/identity.h"

namespace mooring::backends {

/// From the configuration: what is set here overrides what is detected.
struct IdentitySettings {
  std::string provider = "auto";
  std::string region;
  std::string zone;
  std::string instance_id;
};

/// This build knows one provider, `local`: `auto` ends there too. Its region is "local" unless it is set, its instance
/// id the host name. Does not block.
Result<Identity> identify(const IdentitySettings& settings);

}  // namespace mooring::backends
