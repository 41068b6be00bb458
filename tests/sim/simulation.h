// One run, made by a seed: who asks for what when, what goes wrong, and whether all that has to hold holds.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "world.h"

namespace mooring::sim {

struct Outcome {
  std::string violation;  // empty: none
  std::uint64_t digest = 0;
  std::map<std::string, std::uint64_t> counts;
};

/// `directory`: an empty one for the ledgers; they are removed again.
Outcome simulate(std::uint64_t seed, const std::string& directory, const Sabotage& sabotage, bool trace);

}  // namespace mooring::sim
