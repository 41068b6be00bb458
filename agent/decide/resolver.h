// Which candidates of a mount can be had here, and in which order to try them. Pure: no I/O, no clock.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/decide/verdict.h"
#include "agent/goal/task_goal.h"
#include "backends/identity.h"
#include "backends/volume.h"

namespace mooring::agent::decide {

/// A volume named in a mount, and what came of it.
struct Candidate {
  std::string name;
  std::string backend;
  backends::Volume volume;
  std::string fs;           // asked for by the mount or the definition; empty: any
  std::string fs_to_make;   // of a blank one
  bool may_format = false;  // rule 1: only where the definition says so
  bool read_only = false;   // asked for by the mount or the definition
  std::optional<double> price;
  backends::Attachment attachment = backends::Attachment::detached;
  std::optional<backends::Look> look;
  bool blank = false;                    // it is not there yet, and would be made
  Verdict verdict = Verdict::not_tried;  // as long as it is this, the candidate may still be tried
  std::string detail;
};

using Definitions = std::map<std::string, goal::Definition, std::less<>>;

/// The candidates of a mount in the order they were written; those whose definition already says that they cannot be
/// had here have their verdict. The others are to be described by their backend.
std::vector<Candidate> filter(const backends::Identity& here, const goal::Mount& mount, const Definitions& definitions);

/// Takes in what the backend says of a candidate.
void judge(const backends::Identity& here, Candidate& candidate, const backends::Result<backends::Description>& answer);

/// The indices of the candidates that may be tried, best first: in the written order, or by price, those without one
/// last. `first` (the volume that this mount had before) goes before all others.
std::vector<std::size_t> trial_order(const std::vector<Candidate>& candidates, goal::Prefer prefer,
                                     const std::string& first = {});

/// Of the candidates that could not be had, the one whose failure says most; the first of equals. Null: there is none.
const Candidate* most_useful(const std::vector<Candidate>& candidates);

/// `vol-0123456789abcdef0, 500 GB, ext4, $0.08/GB-month, available`
std::string describe(const Candidate& candidate);

}  // namespace mooring::agent::decide
