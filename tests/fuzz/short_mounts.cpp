// The short form of mounts on a command line, one a line; the first line is the value of a variable.
#include <utility>
#include <vector>

#include "tests/fuzz/goal_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::agent::goal;
  using namespace mooring::fuzz;
  std::vector<std::string> words;
  std::string word;
  for (const char letter : text_of(data, size)) {
    if (letter != '\n') word += letter;
    if (letter == '\n') words.push_back(std::exchange(word, {}));
  }
  words.push_back(word);
  const Variables variables{{"value", words.front()}};
  words.erase(words.begin());
  Diagnostics diagnostics("command line");
  const auto mounts = read_short_mounts(words, variables, diagnostics);
  for (const auto& error : diagnostics.all()) {
    expect_printable(error.message);
    expect(error.at.column >= 1 && static_cast<std::size_t>(error.at.column) <= words.size(),
           "an error names the argument", error.message);
  }
  if (!diagnostics.ok()) return 0;
  for (const auto& mount : mounts) expect_sound(mount);
  if (!mounts.empty()) expect_same_again({.mounts = mounts, .definitions = {}, .owner = {}});
  return 0;
}
