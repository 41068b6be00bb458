// Files of /etc/mooring/volumes.d.
#include "tests/fuzz/goal_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::agent::goal;
  using namespace mooring::fuzz;
  const auto text = text_of(data, size);
  Diagnostics diagnostics("volumes.yaml");
  const auto definitions = read_definitions(parse(text, Format::yaml, diagnostics), diagnostics);
  expect_sound(diagnostics, text);
  for (const auto& definition : definitions) {
    expect_sound(definition);
    TaskGoal goal;
    goal.mounts.push_back({.names = {definition.name}, .path = "/data"});
    goal.definitions.push_back(definition);
    expect_same_again(goal);
  }
  return 0;
}
