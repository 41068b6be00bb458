// What EC2 answers, read from its XML (Amazon EC2 API Reference). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::backends::aws {

struct VolumeAttachment {
  std::string instance;
  std::string device;  // "/dev/xvdba", as it was asked for
  std::string state;   // attaching, attached, detaching, detached, busy
};

struct VolumeAnswer {
  std::string id;
  std::string state;  // creating, available, in-use, deleting, deleted, error
  std::string zone;
  std::string zone_id;     // empty: an answer of an older version of the API
  std::uint64_t size = 0;  // bytes
  bool multi_attach = false;
  std::vector<VolumeAttachment> attachments;
  std::map<std::string, std::string> tags;
};

struct VolumesPage {
  std::vector<VolumeAnswer> volumes;
  std::string next_token;  // empty: that was all
};

/// Empty: not an answer to DescribeVolumes, or a truncated one.
std::optional<VolumesPage> parse_volumes(std::string_view xml);

/// Instance id → "running", "stopped", …, of an answer to DescribeInstances; empty also if it cannot be read.
std::map<std::string, std::string> parse_instance_states(std::string_view xml);

/// Whether it is the whole answer to `action`.
bool is_answer_to(std::string_view action, std::string_view xml);

struct ServiceError {
  std::string code;  // "VolumeInUse"
  std::string message;
  std::string request_id;
};

/// Empty: not an error document.
std::optional<ServiceError> parse_error(std::string_view xml);

}  // namespace mooring::backends::aws
