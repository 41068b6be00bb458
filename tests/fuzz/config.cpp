// /etc/mooring/moord.yaml.
#include "agent/goal/config.h"

#include "tests/fuzz/goal_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::agent::goal;
  using namespace mooring::fuzz;
  const auto text = text_of(data, size);
  Diagnostics diagnostics("moord.yaml");
  const Config config = read_config(parse(text, Format::yaml, diagnostics), diagnostics);
  expect_sound(diagnostics, text);
  if (!diagnostics.ok()) return 0;
  for (const auto& mount : config.volumes) expect_sound(mount);
  for (const auto* path : {&config.definitions, &config.mount_root, &config.state_dir, &config.api.socket,
                           &config.backends.local_directory})
    expect_canonical(*path);
  expect(config.timeouts.attach.count() > 0 && config.timeouts.device.count() > 0 && config.timeouts.task.count() > 0,
         "there is a time for everything");
  return 0;
}
