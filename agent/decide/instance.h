// What a ledger means to the instance that finds it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/identity.h"

namespace mooring::agent::decide {

/// As it was written down by an earlier run.
struct FormerInstance {
  std::string id;  // empty: none
  std::string boot_id;
  backends::Identity identity;  // as it was detected; no provider: it was not
};

/// What an earlier run of the same boot has found out holds, whether the metadata answers or not; unless something by
/// now tells of another provider (`provider`: that of a hint or of the configuration; empty: nothing tells).
std::optional<backends::Identity> remembered(const FormerInstance& former, const std::string& boot_id,
                                             const std::string& provider);

enum class Belongs : std::uint8_t {
  here,
  to_another_id,        // the configuration has another id now: its attachments are under the old one
  to_another_instance,  // it came with the image that this instance was started from
};

/// `configured`: the id comes from the configuration. An instance keeps its id over boots, and a boot its instance.
Belongs whose(const FormerInstance& former, const backends::Identity& here, const std::string& boot_id,
              bool configured);

}  // namespace mooring::agent::decide
