#include "backends/local/local_backend.h"

#include <mutex>
#include <utility>

#include "backends/local/image.h"
#include "backends/local/loop_device.h"
#include "backends/offload.h"
#include "failpoint/failpoint.h"

namespace mooring::backends::local {
namespace {

constexpr std::uint64_t kSector = 512;  // a loop device has whole sectors (loop(4))
constexpr std::uint64_t kBlock = 4096;

Look look_of(const Image& image) {
  return {.serial = {}, .links = {}, .backing_file = image.id, .size = image.size / kSector * kSector};
}

/// The image is named by the volume's id, where a definition has one, else by its name.
Result<ImagePath> image_path(const std::string& directory, const std::string& region, const Volume& volume) {
  std::string_view id = volume.volume_id;
  if (id.starts_with(region + "/")) id.remove_prefix(region.size() + 1);
  if (id.empty()) id = volume.name;
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (id.starts_with('.') || id.size() > 200 || id.find_first_not_of(kAllowed) != std::string_view::npos)
    return Error{Errc::not_found, "volume_id '" + volume.volume_id + "' is not the name of a local image", {}};
  return ImagePath{directory, region, std::string(id)};
}

Error in_use(const ImagePath& path) {
  const std::string holder = read_holder(path);
  return {Errc::in_use, "attached to instance " + (holder.empty() ? "unknown" : "'" + holder + "'"), holder};
}

/// Within this process the lock and the name of its holder change together.
std::mutex& lock_and_holder() {
  static std::mutex mutex;
  return mutex;
}

Result<Description> describe_image(const ImagePath& path, Volume volume, const std::string& instance) {
  Description description;
  description.volume = std::move(volume);
  description.volume.region = path.region;
  description.volume.volume_id = path.region + "/" + path.name;
  auto image = open_image(path, false);
  if (!image) {
    // A definition with a size may create the volume.
    description.blank =
        image.error().code == Errc::not_found && description.volume.defined && description.volume.size > 0;
    if (description.blank) return description;
    return std::move(image).error();
  }
  description.volume.size = image.value().size;
  description.look = look_of(image.value());
  const std::lock_guard guard(lock_and_holder());
  if (!is_locked(image.value())) return description;
  description.holder = read_holder(path);
  // A name alone may be stale: after a reboot, say, when another instance has the lock and has not written its own yet.
  const bool ours = description.holder == instance && find_loop(image.value().id);
  description.attachment = ours ? Attachment::here : Attachment::elsewhere;
  return description;
}

Result<Attached> attach_image(const ImagePath& path, const Volume& volume, const std::string& instance) {
  if (volume.defined && volume.size > 0) {
    auto existing = open_image(path, false);
    if (!existing && existing.error().code == Errc::not_found) {
      BOOST_OUTCOME_TRYV(create_image(path, (volume.size + kBlock - 1) / kBlock * kBlock));
    }
  }
  BOOST_OUTCOME_TRY(auto image, open_image(path, true));
  if (image.size < kSector) return Error{Errc::attach_failed, path.image() + " is smaller than a sector", {}};
  const std::lock_guard guard(lock_and_holder());
  const bool locked = lock_image(image);
  const auto loop = find_loop(image.id);
  if (!locked && loop && read_holder(path) == instance) return Attached{look_of(image), Attachment::here, true};
  if (!locked) return in_use(path);
  // The lock is free, but a loop device is there: not one of ours, they keep their lock.
  if (loop)
    return Error{Errc::in_use, path.image() + " is attached as " + loop->device + " by another program", loop->device};
  BOOST_OUTCOME_TRYV(refuse_if_others_can_change(image, path));
  BOOST_OUTCOME_TRYV(write_holder(path, instance));
  BOOST_OUTCOME_TRY(auto device, configure_loop(image.file.get(), path.image(), volume.read_only));
  MOORING_FAILPOINT("local.loop_configured");
  Attached attached{.look = look_of(image)};
  attached.look.links.push_back(std::move(device));
  return attached;
}

/// The name goes with the attachment; so does what a killed run wrote of it before there was a loop device (rule 18).
/// Whoever attaches it has the lock first, so a name that is somebody else's by now stays.
void forget_holder(const ImagePath& path) {
  const auto free = open_image(path, true);
  if (free && lock_image(free.value())) remove_holder(path);
}

Result<void> detach_image(const ImagePath& path, const std::string& instance) {
  const std::lock_guard guard(lock_and_holder());
  auto image = open_image(path, false);
  if (!image && image.error().code != Errc::not_found) return std::move(image).error();
  auto loop = image ? find_loop(image.value().id) : std::nullopt;
  if (!loop) loop = find_loop_of_deleted(path.image());
  // What is not there, or not under our name, is not ours to detach (rule 11).
  if (!loop) forget_holder(path);
  if (!loop || read_holder(path) != instance) return boost::outcome_v2::success();
  BOOST_OUTCOME_TRY(const bool gone, clear_loop(*loop));
  MOORING_FAILPOINT("local.loop_cleared");
  if (!gone) return Error{Errc::not_ready, loop->device + " is still open; it goes when it is closed", {}};
  forget_holder(path);
  return boost::outcome_v2::success();
}

}  // namespace

LocalBackend::LocalBackend(std::string directory, const Identity& identity, boost::asio::thread_pool& pool)
    : directory_(std::move(directory)), region_(identity.region), instance_(identity.instance_id), pool_(pool) {}

boost::asio::awaitable<std::vector<Result<Description>>> LocalBackend::describe(std::vector<Volume> volumes) {
  auto job = [this, volumes = std::move(volumes)]() noexcept {
    std::vector<Result<Description>> answers;
    answers.reserve(volumes.size());
    for (const Volume& volume : volumes) {
      auto path = image_path(directory_, region_, volume);
      if (path)
        answers.push_back(describe_image(path.value(), volume, instance_));
      else
        answers.emplace_back(std::move(path).error());
    }
    return answers;
  };
  co_return co_await offload(pool_, std::move(job));
}

boost::asio::awaitable<Result<Attached>> LocalBackend::attach(Volume volume) {
  auto job = [this, volume = std::move(volume)]() noexcept -> Result<Attached> {
    BOOST_OUTCOME_TRY(const auto path, image_path(directory_, region_, volume));
    return attach_image(path, volume, instance_);
  };
  co_return co_await offload(pool_, std::move(job));
}

boost::asio::awaitable<Result<Attachment>> LocalBackend::detach(Volume volume, bool /*stuck*/) {
  auto job = [this, volume = std::move(volume)]() noexcept -> Result<Attachment> {
    BOOST_OUTCOME_TRY(const auto path, image_path(directory_, region_, volume));
    BOOST_OUTCOME_TRYV(detach_image(path, instance_));
    return Attachment::detached;
  };
  co_return co_await offload(pool_, std::move(job));
}

}  // namespace mooring::backends::local
