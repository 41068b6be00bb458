// What the configuration says of AWS (`backends: {aws: …}`).
#pragma once

#include <chrono>
#include <string>

namespace mooring::backends::aws {

struct AwsSettings {
  std::string endpoint;               // of EC2, without a path; empty: that of the region
  std::string discover_tag = "Name";  // a volume without a definition is looked up by the value of this tag
  std::string profile;                // of the shared configuration; empty: AWS_PROFILE, or "default"
  /// For services that look like EC2 but plug no disks in (tests, simulators): a directory where the disk of volume
  /// vol-x is the image file vol-x.img, to be found as a loop device. Empty: disks are told by what they say
  /// themselves.
  std::string stand_in;
  /// For one call of EC2, all attempts together.
  std::chrono::milliseconds patience = std::chrono::seconds(20);
};

}  // namespace mooring::backends::aws
