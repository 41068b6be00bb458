#include "backends/identify.h"

#include <climits>

#include <unistd.h>

namespace mooring::backends {
namespace {

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "localhost";
}

}  // namespace

Result<Identity> identify(const IdentitySettings& settings) {
  if (settings.provider != "auto" && settings.provider != "local")
    return Error{Errc::not_found, "provider '" + settings.provider + "' is not one that this build knows: local", {}};
  Identity identity;
  identity.provider = "local";
  identity.region = settings.region.empty() ? "local" : settings.region;
  identity.zone = settings.zone;
  identity.instance_id = settings.instance_id.empty() ? host_name() : settings.instance_id;
  identity.source = settings.provider == "auto" ? "no cloud was recognised" : "configuration";
  return identity;
}

}  // namespace mooring::backends
