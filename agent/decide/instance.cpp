#include "agent/decide/instance.h"

namespace mooring::agent::decide {

std::optional<backends::Identity> remembered(const FormerInstance& former, const std::string& boot_id,
                                             const std::string& provider) {
  const backends::Identity& was = former.identity;
  if (was.provider.empty() || was.provider == "local" || boot_id.empty() || former.boot_id != boot_id)
    return std::nullopt;
  if (!provider.empty() && provider != was.provider) return std::nullopt;
  return was;
}

Belongs whose(const FormerInstance& former, const backends::Identity& here, const std::string& boot_id,
              bool configured) {
  if (former.id.empty() || former.id == here.instance_id) return Belongs::here;
  const bool same_boot = !boot_id.empty() && former.boot_id == boot_id;
  if (configured || same_boot || here.provider == "local") return Belongs::to_another_id;
  return Belongs::to_another_instance;
}

}  // namespace mooring::agent::decide
