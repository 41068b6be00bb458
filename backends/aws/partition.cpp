#include "backends/aws/partition.h"

#include <algorithm>
#include <array>

namespace mooring::backends::aws {
namespace {

struct Partition {
  std::string_view prefix;  // of its regions
  std::string_view name;
  std::string_view suffix;
};

constexpr std::array<Partition, 7> kPartitions = {{{"cn-", "aws-cn", "amazonaws.com.cn"},
                                                   {"us-gov-", "aws-us-gov", "amazonaws.com"},
                                                   {"us-iso-", "aws-iso", "c2s.ic.gov"},
                                                   {"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
                                                   {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
                                                   {"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
                                                   {"eusc-", "aws-eusc", "amazonaws.eu"}}};

const Partition& find(std::string_view region) {
  static constexpr Partition kCommercial{"", "aws", "amazonaws.com"};
  const auto fits = [region](const Partition& partition) { return region.starts_with(partition.prefix); };
  const auto* found = std::find_if(kPartitions.begin(), kPartitions.end(), fits);
  return found == kPartitions.end() ? kCommercial : *found;
}

}  // namespace

std::string partition_of(std::string_view region) { return std::string(find(region).name); }

std::string dns_suffix_of(std::string_view region) { return std::string(find(region).suffix); }

bool is_domain(std::string_view text) {
  constexpr std::size_t kLongest = 253;  // RFC 1035
  const auto usable = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return !text.empty() && text.size() <= kLongest && std::all_of(text.begin(), text.end(), usable) &&
         text.find('.') != std::string_view::npos && text.find("..") == std::string_view::npos && text.front() != '.' &&
         text.back() != '.' && text.front() != '-';
}

}  // namespace mooring::backends::aws
