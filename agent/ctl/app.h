// The command line of moorctl.
#pragma once

namespace mooring::agent::ctl {

/// Reads the arguments, does what they say, and returns the exit status.
int run(int argc, char** argv);

}  // namespace mooring::agent::ctl
