// Which proxy a request goes through, by the variables that curl(1) and others heed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backends/environment.h"

namespace mooring::backends::http {

struct Proxies {
  std::string http;                     // URL of the proxy for http://; empty: none
  std::string https;                    // for https://
  std::vector<std::string> exceptions;  // of no_proxy: names, .suffixes, addresses, CIDR blocks, or "*"
};

/// http_proxy (lower case only: HTTP_PROXY can be set by a request's header where CGI is about), https_proxy,
/// HTTPS_PROXY, all_proxy, ALL_PROXY, no_proxy, NO_PROXY.
Proxies proxies_from(const Environment& environment);

/// The proxy for a host; empty: none. `scheme` is "http" or "https"; `host` without brackets.
std::string proxy_for(const Proxies& proxies, std::string_view scheme, std::string_view host, unsigned port);

}  // namespace mooring::backends::http
