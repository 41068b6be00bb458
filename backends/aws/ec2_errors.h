// What an error of EC2 means for a volume (Amazon EC2 API Reference, "Error codes"). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/aws/ec2_answers.h"
#include "backends/error.h"

namespace mooring::backends::aws {

enum class Remedy : std::uint8_t {
  none,
  wait,             // too many requests, or the service is ill: ask again later
  new_credentials,  // those that were sent have expired
};

struct Meaning {
  Errc errc = Errc::attach_failed;
  Remedy remedy = Remedy::none;
};

Meaning meaning_of(unsigned status, std::string_view code);

/// "Invalid value '/dev/xvdba' for unixDevice. Attachment point /dev/xvdba is already in use"
bool is_device_name_in_use(const ServiceError& error);

/// A sentence for people: the service's own words, without what is secret, encoded or endless in them.
std::string sentence(const ServiceError& error);

}  // namespace mooring::backends::aws
