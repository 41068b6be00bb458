// Which device name to ask for in AttachVolume. The name is a place in the instance's block device mapping and says
// little about how the disk will look to the kernel. Pure: time comes from outside.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::backends::aws {

/// On one thread, so that no two attachments of this process ask for the same name at the same time.
class DeviceNames {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// A name that, as far as is known, is free, reserved for this volume; empty: there is none left. Names are taken in
  /// turn, so that one that was given back rests as long as possible.
  std::optional<std::string> reserve(const std::string& volume, Time now);

  /// EC2 says that something has it already: not to be used for an hour.
  void avoid(const std::string& name, Time now);

  /// As EC2 has it: the name this volume is attached under.
  void learn(const std::string& volume, const std::string& name);

  /// It is attached no more. `stuck`: no device ever came under this name, so it is avoided for an hour (rule 19).
  void release(const std::string& volume, bool stuck, Time now);

 private:
  std::map<std::string, std::string, std::less<>> reserved_;  // name → volume
  std::map<std::string, Time, std::less<>> avoided_;          // name → until when
  std::size_t next_ = 0;
};

}  // namespace mooring::backends::aws
