#include "backends/runpod/identity.h"

#include "backends/answer.h"

namespace mooring::backends::runpod {

std::string seen(const Hints& hints) {
  return variable(hints.environment, "RUNPOD_POD_ID").empty() ? std::string{} : "environment: RUNPOD_POD_ID";
}

Result<Identity> parse_identity(const Environment& environment) {
  Identity identity;
  identity.provider = "runpod";
  identity.instance_id = std::string(variable(environment, "RUNPOD_POD_ID"));
  identity.region = std::string(variable(environment, "RUNPOD_DC_ID"));
  if (!is_name(identity.instance_id)) return lacks("the environment", "RUNPOD_POD_ID");
  if (!identity.region.empty() && !is_name(identity.region))
    return lacks("the environment", "a RUNPOD_DC_ID that is a name");
  const std::string volume(variable(environment, "RUNPOD_VOLUME_ID"));
  if (!volume.empty() && !is_name(volume)) return lacks("the environment", "a RUNPOD_VOLUME_ID that is a name");
  add_attribute(identity, "volume_id", volume);
  identity.source = "environment: RUNPOD_POD_ID";
  return identity;
}

boost::asio::awaitable<Result<Identity>> ask(Metadata&, const Hints& hints) {
  co_return parse_identity(hints.environment);
}

}  // namespace mooring::backends::runpod
