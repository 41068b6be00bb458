#include "agent/decide/resolver.h"

#include <algorithm>
#include <cstdio>

#include <boost/algorithm/string/predicate.hpp>

namespace mooring::agent::decide {
namespace {

std::string here_is(const std::string& where) { return "this instance is in " + where; }

/// What the place of the volume rules out, whoever says where it is.
std::optional<Failure> misplaced(const backends::Identity& here, const backends::Volume& volume) {
  // Clouds write regions in their own case, people in theirs.
  if (!volume.region.empty() && !boost::iequals(volume.region, here.region))
    return Failure{Verdict::wrong_region, "in " + volume.region + "; " + here_is(here.region)};
  // The name of a zone is each account's own, its id is everybody's; a definition may have the one or the other.
  if (!volume.zone_id.empty() && !here.zone_id.empty()) {
    if (boost::iequals(volume.zone_id, here.zone_id)) return std::nullopt;
    return Failure{Verdict::wrong_zone, "in zone " + volume.zone_id + "; " + here_is("zone " + here.zone_id)};
  }
  if (volume.zone.empty() || here.zone.empty() || boost::iequals(volume.zone, here.zone)) return std::nullopt;
  if (!here.zone_id.empty() && boost::iequals(volume.zone, here.zone_id)) return std::nullopt;
  return Failure{Verdict::wrong_zone, "in zone " + volume.zone + "; " + here_is("zone " + here.zone)};
}

/// Rule 20: by whom, and whether that one is alive.
std::string holder_of(const backends::Description& description) {
  if (description.holder.empty()) return "another instance";
  const std::string state = description.holder_state.empty() ? "" : " (" + description.holder_state + ")";
  return "instance " + description.holder + state;
}

/// Another instance may attach it at any moment; no file system that is known here survives two that write to it.
std::optional<Failure> unsafe_to_share(const backends::Description& description, bool read_only) {
  if (!description.volume.shared || read_only) return std::nullopt;
  if (description.holder.empty()) return Failure{Verdict::unsafe_filesystem, kShared};
  return Failure{Verdict::in_use, "attached to " + holder_of(description) + "; it " + kShared};
}

void reject(Candidate& candidate, Failure why) {
  candidate.verdict = why.verdict;
  candidate.detail = std::move(why.detail);
}

Candidate discovered(const backends::Identity& here, const std::string& name) {
  Candidate candidate;
  candidate.name = name;
  candidate.backend = here.provider;
  candidate.volume.name = name;
  return candidate;
}

Candidate defined(const goal::Definition& definition) {
  Candidate candidate;
  candidate.name = definition.name;
  candidate.backend = definition.backend;
  candidate.fs = definition.fs;
  candidate.may_format = definition.init_fs;
  candidate.read_only = definition.read_only;
  candidate.price = definition.price;
  candidate.volume = {.name = definition.name,
                      .region = definition.region,
                      .zone = definition.availability_zone,
                      .zone_id = {},
                      .volume_id = definition.volume_id,
                      .size = definition.size,
                      .read_only = definition.read_only,
                      .defined = true,
                      .parameters = definition.parameters};
  return candidate;
}

}  // namespace

std::vector<Candidate> filter(const backends::Identity& here, const goal::Mount& mount,
                              const Definitions& definitions) {
  std::vector<Candidate> candidates;
  candidates.reserve(mount.names.size());
  for (const std::string& name : mount.names) {
    const auto definition = definitions.find(name);
    Candidate candidate = definition == definitions.end() ? discovered(here, name) : defined(definition->second);
    const std::string defined_fs = candidate.fs;
    if (!mount.fs.empty()) candidate.fs = mount.fs;
    candidate.fs_to_make = candidate.fs;
    candidate.read_only = candidate.read_only || mount.read_only;
    if (candidate.backend != here.provider)
      reject(candidate, {Verdict::wrong_backend,
                         "is a volume of " + candidate.backend + "; this instance runs on " + here.provider});
    else if (auto failure = misplaced(here, candidate.volume))
      reject(candidate, *std::move(failure));
    else if (!defined_fs.empty() && defined_fs != candidate.fs)
      reject(candidate, {Verdict::unsafe_filesystem, "is defined with " + defined_fs + ", but " + candidate.fs +
                                                         " was asked for; leave `fs` out, or take another volume"});
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

void judge(const backends::Identity& here, Candidate& candidate,
           const backends::Result<backends::Description>& answer) {
  if (!answer) return reject(candidate, failure_of(answer.error()));
  const backends::Description& description = answer.value();
  candidate.volume = description.volume;
  candidate.attachment = description.attachment;
  candidate.look = description.look;
  candidate.blank = description.blank;
  if (!candidate.price) candidate.price = description.price;
  if (auto failure = misplaced(here, candidate.volume)) return reject(candidate, *std::move(failure));
  if (auto failure = unsafe_to_share(description, candidate.read_only)) return reject(candidate, *std::move(failure));
  if (description.blank && (candidate.read_only || !candidate.may_format))
    return reject(candidate, {Verdict::unsafe_filesystem, candidate.read_only ? kBlankReadOnly : kBlank});
  if (description.attachment == backends::Attachment::elsewhere)
    reject(candidate, {Verdict::in_use, "attached to " + holder_of(description)});
}

std::vector<std::size_t> trial_order(const std::vector<Candidate>& candidates, goal::Prefer prefer,
                                     const std::string& first) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].verdict == Verdict::not_tried) order.push_back(i);
  if (prefer == goal::Prefer::cheapest)
    std::ranges::stable_sort(order, [&candidates](std::size_t left, std::size_t right) {
      const auto& a = candidates[left].price;
      const auto& b = candidates[right].price;
      return a && (!b || *a < *b);
    });
  std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return candidates[i].name == first; });
  return order;
}

const Candidate* most_useful(const std::vector<Candidate>& candidates) {
  const auto worth = [](const Candidate& candidate) {
    return candidate.detail.empty() ? 0 : 1 + usefulness(candidate.verdict);
  };
  const auto best = std::ranges::max_element(candidates, {}, worth);
  return best == candidates.end() || worth(*best) == 0 ? nullptr : &*best;
}

std::string describe(const Candidate& candidate) {
  std::string text = candidate.volume.volume_id;
  auto add = [&text](const std::string& part) {
    if (part.empty()) return;
    if (!text.empty()) text += ", ";
    text += part;
  };
  if (candidate.volume.size > 0) add(goal::human_size(candidate.volume.size));
  add(candidate.fs);
  if (candidate.price) {
    char price[64];
    static_cast<void>(std::snprintf(price, sizeof price, "$%.4g/GB-month", *candidate.price));
    add(price);
  }
  switch (candidate.attachment) {
    case backends::Attachment::detached:
    case backends::Attachment::elsewhere:
      add("available");
      break;
    case backends::Attachment::arriving:
      add("being attached here");
      break;
    case backends::Attachment::here:
      add("attached here");
      break;
    case backends::Attachment::leaving:
      add("being detached from here");
      break;
  }
  return text;
}

}  // namespace mooring::agent::decide
