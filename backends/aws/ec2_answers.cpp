#include "backends/aws/ec2_answers.h"

#include <charconv>
#include <system_error>

#include <pugixml.hpp>

namespace mooring::backends::aws {
namespace {

bool load(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(document.load_buffer(xml.data(), xml.size()));
}

std::string text(const pugi::xml_node& node, const char* name) { return node.child_value(name); }

/// In bytes; 0: it is not said. Empty: no size of a volume, so that nothing is known of it (rule 5 compares it).
std::optional<std::uint64_t> size_of(const pugi::xml_node& item) {
  constexpr std::uint64_t kGibibyte = 1024ULL * 1024 * 1024;
  constexpr std::uint64_t kLargest = 1024ULL * 1024;  // GiB; EBS has 65,536 today
  const std::string_view text = item.child_value("size");
  if (text.empty()) return 0;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size > kLargest) return std::nullopt;
  return size * kGibibyte;
}

VolumeAnswer volume_from(const pugi::xml_node& item) {
  VolumeAnswer volume;
  volume.id = text(item, "volumeId");
  volume.state = text(item, "status");
  volume.zone = text(item, "availabilityZone");
  volume.zone_id = text(item, "availabilityZoneId");
  volume.multi_attach = item.child("multiAttachEnabled").text().as_bool();
  for (const auto& one : item.child("attachmentSet").children("item"))
    volume.attachments.push_back({text(one, "instanceId"), text(one, "device"), text(one, "status")});
  for (const auto& tag : item.child("tagSet").children("item")) volume.tags[text(tag, "key")] = text(tag, "value");
  return volume;
}

}  // namespace

std::optional<VolumesPage> parse_volumes(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return std::nullopt;
  const auto answer = document.child("DescribeVolumesResponse");
  const auto volumes = answer.child("volumeSet");
  if (!volumes) return std::nullopt;
  VolumesPage page;
  for (const auto& item : volumes.children("item")) {
    page.volumes.push_back(volume_from(item));
    VolumeAnswer& volume = page.volumes.back();
    const auto size = size_of(item);
    if (!size) return std::nullopt;
    volume.size = *size;
    if (volume.id.empty() || volume.state.empty()) return std::nullopt;
  }
  page.next_token = text(answer, "nextToken");
  return page;
}

std::map<std::string, std::string> parse_instance_states(std::string_view xml) {
  pugi::xml_document document;
  std::map<std::string, std::string> states;
  if (!load(document, xml)) return states;
  for (const auto& reservation : document.child("DescribeInstancesResponse").child("reservationSet").children("item"))
    for (const auto& instance : reservation.child("instancesSet").children("item"))
      states[text(instance, "instanceId")] = text(instance.child("instanceState"), "name");
  return states;
}

bool is_answer_to(std::string_view action, std::string_view xml) {
  pugi::xml_document document;
  return load(document, xml) && document.document_element().name() == std::string(action) + "Response";
}

std::optional<ServiceError> parse_error(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return std::nullopt;
  const auto response = document.child("Response");
  const auto error = response.child("Errors").child("Error");
  if (!error) return std::nullopt;
  return ServiceError{text(error, "Code"), text(error, "Message"), text(response, "RequestID")};
}

}  // namespace mooring::backends::aws
