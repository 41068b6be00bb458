// Gives every file of the directories it is told to a fuzz target: the seeds, without libFuzzer.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz.h"

int main(int count, char** arguments) {
  int inputs = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      // Also what is cut off half-way.
      for (const std::size_t size : {text.size(), text.size() / 2, text.size() - std::min<std::size_t>(text.size(), 1)})
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), size);
      ++inputs;
    }
  }
  std::printf("%d inputs\n", inputs);
  return inputs == 0 ? 1 : 0;  // no seeds: nothing was tested
}
