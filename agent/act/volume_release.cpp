// The steps of a volume on its way back: unmount, prove that nobody has it, forget. Detach is in volume_arrival.cpp.
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "agent/act/volume.h"

namespace mooring::agent::act {

using backends::Attachment;
using decide::VolumeView;

Volume::Done Volume::name_the_holders(const mount::Device& device) {
  const std::string target = services_.settings.mount_root + "/" + name_;
  if (auto users = co_await services_.node.find_users(device, target)) holders_ = std::move(users).value();
  constexpr std::size_t kWatched = 16;
  holder_watches_.clear();
  for (const mount::User& user : holders_)
    if (user.pid > 0 && holder_watches_.size() < kWatched)
      holder_watches_.emplace_back(services_.executor, user.pid, process_start_time(user.pid),
                                   [this] { wake_.notify(); });
}

Volume::Done Volume::unmount() {
  const mount::Device device = stage_device();
  // Who it is taken away from keeps the disk open: once it is unmounted, nobody could tell who that is.
  if (force_) co_await name_the_holders(device);
  const bool force = force_;
  auto done = co_await services_.node.unstage(services_.settings.mount_root, name_, device, force);
  if (!done && force_ && !force) {
    view_.stage = VolumeView::Stage::unknown;  // force was asked for meanwhile: at once, not after the next wait
    co_return;
  }
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
  co_await end_protection(device);
  mounted_.reset();
  view_.stage = VolumeView::Stage::free;
  view_.unused = true;  // part of the promise of unstage (rule 10)
}

/// What was made read-only for our mount may be written to again by whoever has it attached.
Volume::Done Volume::end_protection(mount::Device device) {
  if (!protected_) co_return;
  device.read_only = false;  // it is by our doing
  const auto allowed = co_await services_.node.allow_writes(std::move(device));
  if (!allowed) spdlog::warn("volume={} {}", name_, allowed.error().message);
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

Volume::Done Volume::forget() {
  // A run that was killed after its unmount, or before its mount.
  if (protected_ && disk_ && view_.attachment != Attachment::elsewhere) {
    mount::Device device = *disk_;
    auto content = co_await services_.node.probe(look_, *disk_);
    if (content) device = std::move(content).value().device;  // its partition, where it has one
    co_await end_protection(std::move(device));
  }
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
