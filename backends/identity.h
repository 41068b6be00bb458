// Where this instance is.
#pragma once

#include <map>
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
  /// What else the provider's API has to be told: "dns_suffix", "project", "resource_group", …
  std::map<std::string, std::string> attributes;
  std::string source;  // how it was found out, for people: "configuration", "metadata at http://169.254.169.254 (…)"
  bool operator==(const Identity&) const = default;
};

}  // namespace mooring::backends
