#include "backends/aws/description.h"

#include <algorithm>
#include <utility>

#include <boost/algorithm/string/predicate.hpp>

namespace mooring::backends::aws {
namespace {

Attachment attachment_of(const VolumeAttachment& attachment) {
  if (attachment.state == "attaching") return Attachment::arriving;
  if (attachment.state == "detaching" || attachment.state == "busy") return Attachment::leaving;
  return Attachment::here;
}

bool is_attached(const VolumeAttachment& attachment) { return attachment.state != "detached"; }

bool is_here(const VolumeAnswer& volume, const Identity& here) {
  if (!volume.zone_id.empty() && !here.zone_id.empty()) return boost::iequals(volume.zone_id, here.zone_id);
  return here.zone.empty() || boost::iequals(volume.zone, here.zone);
}

std::string ids_of(const std::vector<const VolumeAnswer*>& volumes) {
  std::string text;
  for (const VolumeAnswer* volume : volumes) text += (text.empty() ? "" : ", ") + volume->id;
  return text;
}

}  // namespace

bool is_volume_id(std::string_view text) {
  constexpr std::string_view kPrefix = "vol-";
  return text.starts_with(kPrefix) && text.size() > kPrefix.size() &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

const VolumeAttachment* attachment_here(const VolumeAnswer& answer, const Identity& here) {
  for (const VolumeAttachment& attachment : answer.attachments)
    if (is_attached(attachment) && attachment.instance == here.instance_id) return &attachment;
  return nullptr;
}

Result<VolumeAnswer> pick(const std::string& name, const std::vector<VolumeAnswer>& volumes, const Identity& here) {
  std::vector<const VolumeAnswer*> alive;
  std::vector<const VolumeAnswer*> of_this_zone;
  for (const VolumeAnswer& volume : volumes) {
    if (volume.state == "deleting" || volume.state == "deleted") continue;
    alive.push_back(&volume);
    if (is_here(volume, here)) of_this_zone.push_back(&volume);
  }
  if (alive.empty()) return Error{Errc::not_found, "no volume in " + here.region + " is tagged '" + name + "'", {}};
  const auto& meant = of_this_zone.empty() ? alive : of_this_zone;
  // Of another zone is each of them: which one does not matter.
  if (meant.size() == 1 || of_this_zone.empty()) return *meant.front();
  return Error{Errc::not_found,
               std::to_string(meant.size()) + " volumes are tagged '" + name + "' (" + ids_of(meant) +
                   "): say which one in a definition, by volume_id",
               {}};
}

std::optional<Look> look_of(std::string_view id, std::uint64_t size, std::string_view device, const Identity& here) {
  const auto hypervisor = here.attributes.find("hypervisor");
  Look look;
  look.size = size;
  if (hypervisor == here.attributes.end() || hypervisor->second != "xen") {
    look.serial = id;
    std::erase(look.serial, '-');
    // udev's 60-persistent-storage.rules; some images make only the one with the namespace.
    const std::string link = "nvme-Amazon_Elastic_Block_Store_" + look.serial;
    look.links = {link, link + "-ns-1", link + "_1"};
    return look;
  }
  constexpr std::string_view kAsked = "/dev/sd";
  if (device.empty()) return std::nullopt;
  look.links = {device.starts_with(kAsked) ? "/dev/xvd" + std::string(device.substr(kAsked.size()))
                                           : std::string(device)};
  return look;
}

Result<Description> describe(Volume volume, const VolumeAnswer& answer, const Identity& here) {
  if (answer.state == "deleting" || answer.state == "deleted")
    return Error{Errc::not_found, answer.id + " is being deleted", {}};
  if (answer.state == "creating") return Error{Errc::not_ready, answer.id + " is still being created", {}};
  if (answer.state == "error") return Error{Errc::not_ready, answer.id + " is broken (state error)", {}};
  Description description;
  description.volume = std::move(volume);
  description.volume.volume_id = answer.id;
  description.volume.region = here.region;
  description.volume.zone = answer.zone;
  description.volume.zone_id = answer.zone_id;
  description.volume.size = answer.size;
  description.volume.shared = answer.multi_attach;
  for (const VolumeAttachment& attachment : answer.attachments)
    if (is_attached(attachment) && attachment.instance != here.instance_id) description.holder = attachment.instance;
  const VolumeAttachment* ours = attachment_here(answer, here);
  if (ours != nullptr)
    description.attachment = attachment_of(*ours);
  else if (!description.holder.empty() && !answer.multi_attach)
    description.attachment = Attachment::elsewhere;
  description.look = look_of(answer.id, answer.size, ours != nullptr ? ours->device : "", here);
  return description;
}

}  // namespace mooring::backends::aws
