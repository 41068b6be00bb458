#include "backends/aws/endpoint.h"

#include <algorithm>

#include "backends/aws/partition.h"

namespace mooring::backends::aws {
namespace {

constexpr std::size_t kLongestLabel = 63;  // RFC 1035, 2.3.4

bool is_label(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kLongestLabel && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

bool is_region_name(std::string_view text) { return text.size() >= 3 && is_label(text); }

std::optional<std::string> service_endpoint(std::string_view service, std::string_view region,
                                            std::string_view dns_suffix) {
  const std::string suffix = dns_suffix.empty() ? dns_suffix_of(region) : std::string(dns_suffix);
  if (!is_label(service) || !is_region_name(region) || !is_domain(suffix)) return std::nullopt;
  return "https://" + std::string(service) + "." + std::string(region) + "." + suffix;
}

std::string endpoint_in(const Environment& environment, std::string_view service) {
  const std::string of_all = "AWS_ENDPOINT_URL";
  for (const std::string& name : {of_all + "_" + std::string(service), of_all}) {
    std::string endpoint{variable(environment, name)};
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (!endpoint.empty()) return endpoint;
  }
  return {};
}

}  // namespace mooring::backends::aws
