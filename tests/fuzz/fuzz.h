// What every fuzz target has: one input, and promises that hold whatever is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "agent/goal/words.h"

// libFuzzer calls it; so does replay.cpp, where there is no libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace mooring::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A broken promise ends the program: that is what a fuzzer notices.
inline void expect(bool holds, const char* promise, std::string_view seen = {}) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s: %s\n", promise, agent::goal::printable(seen).c_str());
  std::abort();
}

/// It may be shown on a terminal and written to a log: UTF-8 on one line, nothing in it controls anything.
inline void expect_printable(std::string_view text) {
  expect(agent::goal::first_invalid_utf8(text) == std::string_view::npos, "a message is UTF-8", text);
  expect(agent::goal::first_control(text) == std::string_view::npos, "a message has no control characters", text);
}

}  // namespace mooring::fuzz
