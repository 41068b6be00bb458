#include "backends/aws/device_names.h"

#include <vector>

namespace mooring::backends::aws {
namespace {

constexpr std::chrono::hours kAvoided{1};

/// EC2 User Guide, "Device names for volumes on Amazon EC2 instances": the two-letter names first, because images and
/// launch templates use those with one letter.
std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const std::string_view prefix : {"/dev/xvdb", "/dev/xvdc"})
    for (char letter = 'a'; letter <= 'z'; ++letter) names.push_back(std::string(prefix) + letter);
  for (char letter = 'a'; letter <= 'x'; ++letter) names.push_back(std::string("/dev/xvdd") + letter);
  for (char letter = 'f'; letter <= 'p'; ++letter) names.push_back(std::string("/dev/sd") + letter);
  return names;
}

}  // namespace

std::optional<std::string> DeviceNames::reserve(const std::string& volume, Time now) {
  static const std::vector<std::string> names = all_names();
  for (std::size_t tried = 0; tried < names.size(); ++tried) {
    const std::string& name = names[next_];
    next_ = (next_ + 1) % names.size();
    const auto avoided = avoided_.find(name);
    if (avoided != avoided_.end() && avoided->second > now) continue;
    if (!reserved_.try_emplace(name, volume).second) continue;
    return name;
  }
  return std::nullopt;
}

void DeviceNames::avoid(const std::string& name, Time now) {
  reserved_.erase(name);
  avoided_[name] = now + kAvoided;
}

void DeviceNames::learn(const std::string& volume, const std::string& name) { reserved_[name] = volume; }

void DeviceNames::release(const std::string& volume, bool stuck, Time now) {
  for (auto at = reserved_.begin(); at != reserved_.end();) {
    if (at->second != volume) {
      ++at;
      continue;
    }
    if (stuck) avoided_[at->first] = now + kAvoided;
    at = reserved_.erase(at);
  }
}

}  // namespace mooring::backends::aws
