// Points in time as AWS writes them. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace mooring::backends::aws {

/// "20150830T123600Z", UTC: ISO 8601, basic format, as Signature Version 4 wants it.
std::string compact_time(std::chrono::system_clock::time_point time);

/// "2015-08-30T12:36:00Z", with or without a fraction of a second (which is dropped), UTC only: what IMDS, STS and the
/// container endpoint call Expiration. Empty: not of this form, or no such time.
std::optional<std::chrono::system_clock::time_point> read_time(std::string_view text);

}  // namespace mooring::backends::aws
