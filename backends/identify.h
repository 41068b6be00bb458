// Finds out where this instance is: from the configuration; from hints (DMI, environment), without network; from the
// metadata service of the cloud that the hints name, or, without a hint, of all likely ones at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "backends/environment.h"
#include "backends/error.h"
#include "backends/http/client.h"
#include "backends/identity.h"

namespace mooring::backends {

/// From the configuration: what is set here overrides what is detected.
struct IdentitySettings {
  std::string provider = "auto";
  std::string region;
  std::string zone;
  std::string instance_id;
  std::string hints_root = "/";       // below which sys/class/dmi/id and the like are read
  std::vector<std::string> metadata;  // base URLs, for whichever cloud; empty: each cloud's own
};

/// The names that `provider` may have, "auto" and "local" included.
const std::vector<std::string>& known_providers();

/// What needs no detection: provider local; or a provider of the configuration together with region and instance id.
std::optional<Identity> configured(const IdentitySettings& settings);

/// The settings on top of what was detected, now or by an earlier run.
Identity overridden(Identity detected, const IdentitySettings& settings);

/// Of the hints, or the configuration: the provider it must be; empty: nothing tells. Reads a few small files.
struct Hint {
  std::string provider;
  std::string seen;  // "DMI: sys_vendor 'Amazon EC2'", "environment: RUNPOD_POD_ID", "configuration"
};
std::optional<Hint> hinted(const IdentitySettings& settings, const Environment& environment);

struct Detection {
  enum class Outcome : std::uint8_t {
    found,
    no_cloud,     // no hint, and no metadata service that answers: `identity` is that of provider local
    unreachable,  // it is that cloud, but its metadata does not answer, or says something unreadable: ask again later
  };
  Outcome outcome = Outcome::no_cloud;
  Identity identity;     // without the overrides of the configuration
  std::string provider;  // unreachable: which
  std::string problem;   // unreachable: what happened, a sentence fragment
};

/// One try: at most 300 ms where nothing hints at a cloud, at most 5 s where something does.
boost::asio::awaitable<Detection> detect(IdentitySettings settings, Environment environment, http::Client& client);

}  // namespace mooring::backends
