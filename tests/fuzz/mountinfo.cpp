// /proc/<pid>/mountinfo: whoever may mount writes names into it.
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "mount/mount_table.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::mount;
  using namespace mooring::fuzz;
  static const int kFile = ::memfd_create("mountinfo", MFD_CLOEXEC);
  expect(kFile >= 0 && ::ftruncate(kFile, 0) == 0, "there is a file");
  expect(::pwrite(kFile, data, size, 0) == static_cast<ssize_t>(size), "it is written");
  const auto table = read_mount_table("/proc/self/fd/" + std::to_string(kFile));
  if (!table) {
    expect_printable(table.error().message);
    return 0;
  }
  for (const TableEntry& entry : table.value()) {
    const Device device{};
    (void)is_of_device(entry, device);
  }
  return 0;
}
