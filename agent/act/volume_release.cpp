// The steps of a volume on its way back: unmount, prove that nobody has it, detach, forget.
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "agent/act/volume.h"

namespace mooring::agent::act {

using backends::Attachment;
using decide::VolumeView;

namespace {

// From the provider's word that a disk is detached until the kernel has seen it go.
constexpr Clock::duration kDetachTime = std::chrono::seconds(2);

}  // namespace

Volume::Done Volume::name_the_holders(const mount::Device& device) {
  const std::string target = services_.settings.mount_root + "/" + name_;
  if (auto users = co_await services_.node.find_users(device, target)) holders_ = std::move(users).value();
  constexpr std::size_t kWatched = 16;
  holder_watches_.clear();
  for (const mount::User& user : holders_)
    if (user.pid > 0 && holder_watches_.size() < kWatched)
      holder_watches_.emplace_back(services_.executor, user.pid, [this] { wake_.notify(); });
}

Volume::Done Volume::unmount() {
  const mount::Device device = stage_device();
  // Who it is taken away from keeps the disk open: once it is unmounted, nobody could tell who that is.
  if (force_) co_await name_the_holders(device);
  auto done = co_await services_.node.unstage(services_.settings.mount_root, name_, device, force_);
  if (!done && done.error().code == mount::Errc::busy) {
    co_await name_the_holders(device);
    view_.stage = VolumeView::Stage::unknown;  // the next try looks at it afresh
    co_return block(holders_.empty() ? done.error().message : "in use by " + described(holders_));
  }
  if (!done) {
    view_.stage = VolumeView::Stage::unknown;
    co_return block(done.error().message);
  }
  spdlog::info("volume={} unmounted", name_);
  mounted_.reset();
  view_.stage = VolumeView::Stage::free;
  view_.unused = true;  // part of the promise of unstage (rule 10)
}

Volume::Done Volume::prove_unused() {
  auto mounted = co_await services_.node.still_mounted_somewhere(*disk_);
  if (mounted && (!mounted.value() || force_)) {
    view_.unused = true;
    co_return;
  }
  if (!mounted) co_return block(mounted.error().message);
  co_await name_the_holders(*disk_);
  block(holders_.empty() ? disk_->path + " is still mounted somewhere" : "in use by " + described(holders_));
}

Volume::Done Volume::detach() {
  const auto backend = services_.backends.find(form_.backend);
  if (backend == services_.backends.end()) co_return block("this build has no backend '" + form_.backend + "'");
  auto detached = co_await backend->second->detach(form_.volume);
  // Somebody just looks at the device (udev does): no reason yet to tell anybody that it is busy.
  Signal& devices = services_.node.devices_changed();
  const auto patience = Clock::now() + (force_ ? std::chrono::seconds(0) : std::chrono::seconds(2));
  while (!detached && detached.error().code == backends::Errc::not_ready && Clock::now() < patience) {
    co_await devices.wait_until(Clock::now() + std::chrono::milliseconds(50));
    detached = co_await backend->second->detach(form_.volume);
  }
  if (!detached) {
    const bool seen = detached.error().code == backends::Errc::not_ready && !holders_.empty();
    co_return block(detached.error().message + (seen ? ", in use by " + described(holders_) : ""));
  }
  // A provider may have lost sight of it (an image that was renamed): then it is still ours to take away.
  const auto until = Clock::now() + kDetachTime;
  for (auto seen = devices.count(); disk_; seen = devices.count()) {
    const auto still = co_await services_.node.find_disk(look_);
    if (!still && still.error().code == mount::Errc::system) co_return block(still.error().message);  // no answer
    if (!still) break;
    if (Clock::now() >= until)
      co_return block("is still attached as " + still.value().path + ", though its provider says that it is not");
    if (devices.count() == seen) co_await devices.wait_until(until);
  }
  spdlog::info("volume={} detached", name_);
  view_.attachment = Attachment::detached;
  view_.disk = VolumeView::Disk::absent;
  disk_.reset();
  content_.reset();  // its device number may be another disk's by now
}

Volume::Done Volume::forget() {
  // Nothing of ours is mounted there any more, and the disk may be another instance's by now: only the mount point
  // goes.
  if (view_.stage == VolumeView::Stage::free) {
    mount::Device device;
    if (disk_ && view_.attachment != Attachment::elsewhere) device = *disk_;  // rule 10: it may be in use elsewhere
    auto cleared = co_await services_.node.unstage(services_.settings.mount_root, name_, std::move(device), false);
    if (!cleared) spdlog::warn("volume={} the mount point stays: {}", name_, cleared.error().message);
  }
  // From here on whoever wants it writes it down anew, behind this. Should this not get to the disk, the next start
  // sees that there is nothing of ours.
  view_.recorded = false;
  // Not within the awaited call: g++ 12 destroys such a temporary twice.
  const auto ticket = services_.ledger.add(state::ForgetVolume{name_});
  const auto written = co_await services_.ledger.flush(ticket);
  if (!written) spdlog::warn("volume={} {}", name_, written.error().message);
}

}  // namespace mooring::agent::act
