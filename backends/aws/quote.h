// What a service says, made fit for an error message. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mooring::backends::aws {

/// Without any of the secrets, should the service repeat them; printable characters only; 300 bytes at most.
std::string quote(std::string_view text, const std::vector<std::string_view>& secrets);

}  // namespace mooring::backends::aws
