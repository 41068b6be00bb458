// What servers send to our HTTP client. First byte: whether a body follows, and the size of the pieces.
#include "backends/http/answer.h"

#include <algorithm>

#include "backends/http/retry.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::backends::http;
  using namespace mooring::fuzz;
  if (size == 0) return 0;
  constexpr std::size_t kLimit = 4096;
  const auto text = text_of(data + 1, size - 1);
  const std::size_t piece = 1 + data[0] / 2;
  AnswerReader reader(data[0] % 2 == 1, kLimit);
  bool complete = false;
  for (std::size_t at = 0; at < text.size() && !complete; at += piece) {
    const auto taken = reader.take(text.substr(at, piece));
    if (!taken) {
      expect_printable(taken.error().message);
      return 0;
    }
    complete = taken.value();
  }
  if (!complete && !reader.end(true)) return 0;
  (void)reader.keeps_connection();
  const Response response = reader.release();
  expect(response.status >= 200 && response.status <= 999, "a status is one", std::to_string(response.status));
  expect(response.body.size() <= kLimit, "a body keeps to the limit", std::to_string(response.body.size()));
  (void)retry_after(response, std::chrono::system_clock::from_time_t(1'700'000'000));
  return 0;
}
