// As what a volume is brought here, and for whom it will do. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/decide/resolver.h"
#include "agent/decide/verdict.h"
#include "backends/volume.h"
#include "mount/host.h"

namespace mooring::agent::decide {

/// What a mount wants of a volume.
struct Wish {
  Candidate candidate;
  std::vector<std::string> options;
};

/// How a volume is attached and mounted: as the first who wanted it asked for. It is written down with the volume, so
/// that it does not depend on who asks first after a restart.
struct Form {
  std::string backend;
  backends::Volume volume;  // completed with what the provider says of it
  bool read_only = false;
  std::vector<std::string> options;
};

Form form_of(const Wish& wish);

/// Why a volume of that form does not do for this wish; empty: it does. `task` has the volume, for the sentence.
std::optional<Failure> misfit(const Form& form, const Wish& wish, const std::string& task);

/// The same of what is mounted (rules 6 and 12).
std::optional<Failure> misfit(const mount::MountEntry& mounted, const Wish& wish);

/// Whether a blank disk may be formatted for this wish (rule 1).
bool may_format(const Wish& wish);

/// Which file system a blank disk gets when all of these want it; some may format it. What none of them names: ext4.
std::string file_system_for(const std::vector<const Wish*>& wishes);

}  // namespace mooring::agent::decide
