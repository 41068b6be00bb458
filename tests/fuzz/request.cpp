// The body of PUT /v1/tasks/{task}, and the files given to moorctl -f. MOORING_FUZZ_FORMAT: yaml or json.
#include "tests/fuzz/goal_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::agent::goal;
  using namespace mooring::fuzz;
  const auto text = text_of(data, size);
  const Variables variables{{"dstack.node_rank", "0"}};
  for (const bool file : {false, true}) {
    Diagnostics diagnostics("request");
    const auto documents = parse(text, Format::MOORING_FUZZ_FORMAT, diagnostics);
    const Node* document = only_document(documents, diagnostics);
    TaskGoal goal;
    if (document != nullptr && diagnostics.ok())
      goal = file ? read_goal_file(*document, variables, diagnostics) : read_request(*document, variables, diagnostics);
    expect_sound(diagnostics, text);
    if (!diagnostics.ok()) continue;
    expect(!goal.mounts.empty(), "a valid goal has a mount");
    for (const auto& mount : goal.mounts) expect_sound(mount);
    for (const auto& definition : goal.definitions) expect_sound(definition);
    expect_same_again(goal);
  }
  return 0;
}
