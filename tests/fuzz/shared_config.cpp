// ~/.aws/config and ~/.aws/credentials, separated by a NUL.
#include "backends/aws/shared_config.h"

#include "backends/aws/profile.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::backends::aws;
  using namespace mooring::fuzz;
  const auto text = text_of(data, size);
  const auto end = text.find('\0');
  const auto second = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  const auto profiles =
      merged(read_profiles(text.substr(0, end), SharedFile::config), read_profiles(second, SharedFile::credentials));
  for (const auto& [name, properties] : profiles) {
    const auto plan = plan_profile(profiles, name);
    if (!plan) expect_printable(plan.error().message);
  }
  (void)plan_profile(profiles, "default");
  return 0;
}
