// Where this instance is.
#pragma once

#include <string>

namespace mooring::backends {

struct Identity {
  std::string provider;
  std::string region;
  std::string zone;     // empty: the provider has none, or it is not known
  std::string zone_id;  // the same for all accounts, where the provider has such a thing
  std::string instance_id;
  std::string instance_type;
  std::string account;
  std::string source;  // how it was found out: "configuration", "metadata", …
  bool operator==(const Identity&) const = default;
};

}  // namespace mooring::backends
