#include "agent/act/planner.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "backends/offload.h"

namespace mooring::agent::act {
namespace {

/// Names, sizes and times of the files: changes whenever one of them does, or its mode or owner.
std::string fingerprint(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code ignored;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator at(directory, ignored); at != end; at.increment(ignored)) {
    const auto& entry = *at;
    struct stat status {};
    if (stat(entry.path().c_str(), &status) != 0) continue;
    files.push_back(entry.path().filename().string() + ' ' + std::to_string(status.st_ino) + ' ' +
                    std::to_string(status.st_size) + ' ' + std::to_string(status.st_ctim.tv_sec) + '.' +
                    std::to_string(status.st_ctim.tv_nsec) + '\n');
  }
  std::ranges::sort(files);
  std::string all = ".";  // differs from "never read"
  for (const std::string& file : files) all += file;
  return all;
}

struct Reading {
  std::string fingerprint;
  std::shared_ptr<const KnownVolumes> known;  // none: as before
};

/// What had errors is read again each time: they may lie in what is not in the fingerprint, such as the mode of a
/// directory above it.
Reading read(const std::string& directory, const std::string& last, bool had_problems) {
  Reading reading{fingerprint(directory), nullptr};
  if (reading.fingerprint == last && !had_problems) return reading;
  auto known = std::make_shared<KnownVolumes>();
  for (goal::Definition& definition :
       goal::read_definitions_directory(directory, goal::Writers::trusted, known->problems))
    known->definitions.insert_or_assign(definition.name, std::move(definition));
  reading.known = std::move(known);
  return reading;
}

bool among(const std::vector<goal::Diagnostic>& problems, const goal::Diagnostic& wanted) {
  return std::ranges::any_of(
      problems, [&](const goal::Diagnostic& one) { return goal::to_string(one) == goal::to_string(wanted); });
}

/// A name without a definition would be looked up; but where some definition cannot be read, it may be the one of this
/// name, and say something else.
void refuse_guess(decide::Candidate& candidate, const goal::Diagnostic& problem) {
  if (candidate.volume.defined || candidate.verdict != decide::Verdict::not_tried) return;
  candidate.verdict = decide::Verdict::not_found;
  candidate.detail = "no definition of it can be read; the definitions have errors, first: " + goal::to_string(problem);
}

}  // namespace

Planner::Planner(Services& services, boost::asio::any_io_executor workers)
    : services_(services), workers_(std::move(workers)) {}

boost::asio::awaitable<std::shared_ptr<const KnownVolumes>> Planner::known() {
  const bool had_problems = !known_->problems.empty();
  auto job = [directory = services_.settings.definitions_directory, last = fingerprint_, had_problems]() noexcept {
    return read(directory, last, had_problems);
  };
  Reading reading = co_await backends::offload(workers_, std::move(job));
  if (reading.known) {
    const auto before = std::exchange(known_, std::move(reading.known));
    fingerprint_ = std::move(reading.fingerprint);
    for (const goal::Diagnostic& problem : known_->problems)
      if (!among(before->problems, problem)) spdlog::error("{}", goal::to_string(problem));
  }
  co_return known_;
}

boost::asio::awaitable<std::vector<MountPlan>> Planner::plan(goal::TaskGoal goal,
                                                             std::map<std::string, std::string> chosen) {
  const auto known_volumes = co_await known();
  // The definitions of the request come first.
  decide::Definitions definitions;
  for (const goal::Definition& definition : goal.definitions) definitions.insert_or_assign(definition.name, definition);
  std::vector<MountPlan> plans;
  for (goal::Mount& mount : goal.mounts) {
    for (const std::string& name : mount.names) {
      const auto known_definition = known_volumes->definitions.find(name);
      if (known_definition != known_volumes->definitions.end()) definitions.insert(*known_definition);
    }
    MountPlan plan;
    plan.candidates = decide::filter(services_.here.identity(), mount, definitions);
    if (!known_volumes->problems.empty())
      for (decide::Candidate& candidate : plan.candidates) refuse_guess(candidate, known_volumes->problems.front());
    plan.mount = std::move(mount);
    plans.push_back(std::move(plan));
  }
  co_await ask_backends(plans);
  for (MountPlan& plan : plans)
    plan.order = decide::trial_order(plan.candidates, plan.mount.prefer, chosen[plan.mount.path]);
  co_return plans;
}

boost::asio::awaitable<void> Planner::ask_backends(std::vector<MountPlan>& plans) {
  std::map<std::string, std::vector<decide::Candidate*>> questions;
  for (MountPlan& plan : plans)
    for (decide::Candidate& candidate : plan.candidates)
      if (candidate.verdict == decide::Verdict::not_tried) questions[candidate.backend].push_back(&candidate);
  for (auto& [name, candidates] : questions) {
    const auto backend = services_.here.backend(name);
    if (!backend) {
      for (decide::Candidate* candidate : candidates) {
        candidate->verdict = decide::Verdict::wrong_backend;
        candidate->detail = backend.error().message;
      }
      continue;
    }
    std::vector<backends::Volume> volumes;
    volumes.reserve(candidates.size());
    for (const decide::Candidate* candidate : candidates) volumes.push_back(candidate->volume);
    const auto answers = co_await backend.value()->describe(std::move(volumes));
    for (std::size_t i = 0; i < candidates.size(); ++i)
      decide::judge(services_.here.identity(), *candidates[i], answers[i]);
  }
}

}  // namespace mooring::agent::act
