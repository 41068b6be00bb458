// mooring_sim: runs the agent's own code over a simulated clock, cloud and machine, once for each seed.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation.h"

namespace {

using namespace mooring::sim;

struct Arguments {
  std::uint64_t seeds = 200;
  std::uint64_t from = 1;
  unsigned jobs = 1;
  std::optional<std::uint64_t> seed;
  bool trace = false;
  std::string sabotage;
};

const std::map<std::string, bool Sabotage::*> kSabotages = {{"blank_always", &Sabotage::blank_always},
                                                            {"other_disk", &Sabotage::other_disk},
                                                            {"forgets", &Sabotage::forgets},
                                                            {"detach_lies", &Sabotage::detach_lies},
                                                            {"unmount_lies", &Sabotage::unmount_lies},
                                                            {"mount_lies", &Sabotage::mount_lies},
                                                            {"never_answers", &Sabotage::never_answers},
                                                            {"hides_volumes", &Sabotage::hides_volumes},
                                                            {"two_holders", &Sabotage::two_holders},
                                                            {"loses_tasks", &Sabotage::loses_tasks},
                                                            {"formats_unasked", &Sabotage::formats_unasked}};

std::string directory_for(std::uint64_t seed) {
  // In memory where that can be: a ledger syncs each commit to its disk.
  const std::filesystem::path base =
      std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  return base / ("mooring-sim-" + std::to_string(getpid()) + "-" + std::to_string(seed));
}

/// One seed after the other. Exit status: whether all held.
int run(const Arguments& arguments, const Sabotage& sabotage, std::uint64_t first, std::uint64_t step) {
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t ran = 0;
  for (std::uint64_t seed = first; seed < arguments.from + arguments.seeds; seed += step, ++ran) {
    const Outcome outcome = simulate(seed, directory_for(seed), sabotage, arguments.trace);
    for (const auto& [what, how_often] : outcome.counts) counts[what] += how_often;
    // What happens depends on nothing but the seed; seen on some of them.
    const bool same = seed % 25 != 0 || simulate(seed, directory_for(seed), sabotage, false).digest == outcome.digest;
    if (outcome.violation.empty() && same) continue;
    if (!same) {
      std::cout << "seed " << seed << ": another run of it went otherwise\n";
      return EXIT_FAILURE;
    }
    std::cout << "seed " << seed << ": " << outcome.violation << "\n  what led to it: mooring_sim --seed " << seed
              << " --trace" << (arguments.sabotage.empty() ? "" : " --sabotage " + arguments.sabotage) << '\n';
    return EXIT_FAILURE;
  }
  std::string text = std::to_string(ran) + " seeds ran clean:";
  for (const auto& [what, how_often] : counts) text += " " + std::to_string(how_often) + " " + what + ",";
  text.back() = '\n';
  std::cout << text;
  return EXIT_SUCCESS;
}

int run_in_processes(const Arguments& arguments, const Sabotage& sabotage) {
  std::vector<pid_t> children;
  for (unsigned job = 0; job < arguments.jobs; ++job) {
    std::cout.flush();
    const pid_t child = fork();
    if (child == 0) {
      const int status = run(arguments, sabotage, arguments.from + job, arguments.jobs);
      std::cout.flush();
      _exit(status);
    }
    if (child > 0) children.push_back(child);
  }
  bool held = children.size() == arguments.jobs;
  for (const pid_t child : children) {
    int status = 0;
    held = waitpid(child, &status, 0) == child && status == 0 && held;
  }
  return held ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// One seed, twice: what happens depends on nothing but the seed.
int run_twice(const Arguments& arguments, const Sabotage& sabotage) {
  const Outcome one = simulate(*arguments.seed, directory_for(*arguments.seed), sabotage, arguments.trace);
  const Outcome two = simulate(*arguments.seed, directory_for(*arguments.seed), sabotage, false);
  if (!one.violation.empty()) std::cout << "seed " << *arguments.seed << ": " << one.violation << '\n';
  const bool same = one.digest == two.digest;
  if (!same) std::cout << "seed " << *arguments.seed << ": another run of it went otherwise\n";
  return one.violation.empty() && same ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{
      "mooring_sim: runs the agent's own code over a simulated clock, cloud and machines. All that happens is made by\n"
      "a seed: tasks, competing instances, faults, lost answers, crashes, reboots, volumes that others take or "
      "delete."};
  app.add_option("--seeds", arguments.seeds, "How many")->capture_default_str();
  app.add_option("--from", arguments.from, "The first")->capture_default_str();
  app.add_option("--jobs", arguments.jobs, "Processes")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--seed", arguments.seed, "This one only, twice: both runs have to be the same");
  app.add_flag("--trace", arguments.trace, "Print all that happens");
  std::vector<std::string> names;
  for (const auto& [name, member] : kSabotages) names.push_back(name);
  app.add_option("--sabotage", arguments.sabotage, "Put a wrong part in; the run has to fail")
      ->check(CLI::IsMember(names));
  app.footer("Exit status: 0 everything held · 1 it did not: the seed is printed");
  CLI11_PARSE(app, argc, argv);
  Sabotage sabotage;
  if (!arguments.sabotage.empty()) sabotage.*kSabotages.at(arguments.sabotage) = true;
  spdlog::set_level(arguments.trace ? spdlog::level::info : spdlog::level::off);
  spdlog::set_pattern("                 moord: %v");
  try {
    if (arguments.seed) return run_twice(arguments, sabotage);
    if (arguments.jobs > 1) return run_in_processes(arguments, sabotage);
    return run(arguments, sabotage, arguments.from, 1);
  } catch (const std::exception& error) {
    std::cerr << "mooring_sim: " << error.what() << '\n';
    return 2;
  }
}
