// The daemon's log, on standard error; where that is the journal, there, with fields.
#pragma once

#include "agent/goal/config.h"

namespace mooring::agent {

/// The default logger of spdlog, as the configuration wants it.
void set_up_log(const goal::Config& config);

}  // namespace mooring::agent
