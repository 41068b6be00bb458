// Percent-encoding as AWS wants it in signatures and forms (RFC 3986, 2.3: all but unreserved characters). Pure.
#pragma once

#include <string>
#include <string_view>

namespace mooring::backends::aws {

void append_encoded(std::string& out, std::string_view text);

}  // namespace mooring::backends::aws
