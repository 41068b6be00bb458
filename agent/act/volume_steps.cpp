// The steps of a volume on its way here: each does one thing, idempotently, and writes what came of it into the view.
// Those of the way back are in volume_release.cpp.
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "agent/act/look.h"
#include "agent/act/volume.h"
#include "agent/act/volumes.h"
#include "failpoint/failpoint.h"

namespace mooring::agent::act {

using backends::Attachment;
using decide::Failure;
using decide::Step;
using decide::Verdict;
using decide::VolumeView;

namespace {

/// Whether `number` is the disk itself or one of its partitions, by their names: /dev/loop1p2 of /dev/loop1, /dev/sda1
/// of /dev/sda, but not /dev/loop10 of /dev/loop1.
bool on_disk(const mount::MountEntry& entry, const mount::Device& disk) {
  if (entry.major == disk.major && entry.minor == disk.minor) return true;
  if (!entry.source.starts_with(disk.path)) return false;
  std::string_view partition = std::string_view(entry.source).substr(disk.path.size());
  const bool needs_p = disk.path.back() >= '0' && disk.path.back() <= '9';
  if (needs_p && !partition.starts_with('p')) return false;
  if (needs_p) partition.remove_prefix(1);
  return !partition.empty() && partition.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void Volume::fail(Failure failure) {
  if (stop_.stop_requested()) {
    // Broken off because nobody wanted it any more. Whoever wants it since then begins with a fresh look.
    if (step_ == Step::format)
      spdlog::warn(
          "volume={} stage=format given up: {}; a part of a new file system may be on it, so it will be "
          "refused until somebody clears it",
          name_, failure.detail);
    stop_ = {};
    // What is asked of the provider stays known: its lists may not tell of it yet.
    if (needed())
      look_afresh();
    else
      look_afresh_on_the_way_back();
    return;
  }
  spdlog::warn("volume={} stage={} verdict={} {}", name_, decide::stage_name(step_), decide::to_string(failure.verdict),
               failure.detail);
  failure_ = std::move(failure);
  view_.failed = true;
}

void Volume::give_up(Failure failure) {
  if (view_.wanted)
    fail(std::move(failure));
  else
    block(std::move(failure.detail));
}

void Volume::block(std::string reason) {
  if (reason != blocked_by_) spdlog::warn("volume={} cannot be released: {}; will try again", name_, reason);
  blocked_by_ = std::move(reason);
  view_.blocked = true;
}

mount::Device Volume::stage_device() const {
  if (content_) return content_->device;
  if (mounted_) {
    mount::Device device{.path = mounted_->source};
    device.major = mounted_->major;
    device.minor = mounted_->minor;
    return device;
  }
  return disk_.value_or(mount::Device{});
}

Volume::Done Volume::take(Step step) {
  switch (step) {
    case Step::find_disk:
      return find_disk();
    case Step::look_at_stage:
      return look_at_stage();
    case Step::describe:
      return describe();
    case Step::record:
      return record();
    case Step::attach:
      return attach();
    case Step::await_disk:
      return await_disk();
    case Step::probe:
      return probe();
    case Step::refuse_blank:
      return refuse_blank();
    case Step::format:
      return format();
    case Step::check:
      return check();
    case Step::mount:
      return mount();
    case Step::grow:
      return grow();
    case Step::unmount:
      return unmount();
    case Step::prove_unused:
      return prove_unused();
    case Step::detach:
      return detach();
    case Step::forget:
      return forget();
    case Step::ready:
    case Step::failed:
    case Step::blocked:
    case Step::held:
    case Step::gone:
      break;
  }
  std::terminate();  // an end is no step
}

Volume::Done Volume::find_disk() {
  auto found = co_await services_.node.find_disk(look_);
  if (!found && found.error().code == mount::Errc::wrong_disk && !look_.links.empty()) {
    // A link that leads to another disk by now (rule 7) says nothing about where ours is.
    look_.links.clear();
    found = co_await services_.node.find_disk(look_);
  }
  // "Not there" is an answer; "cannot tell" is none, and nothing may be taken away on it.
  if (!found && !view_.wanted && found.error().code != mount::Errc::not_found) co_return block(found.error().message);
  view_.disk = found ? VolumeView::Disk::present : VolumeView::Disk::absent;
  disk_.reset();
  if (found) disk_ = std::move(found).value();
}

Volume::Done Volume::look_at_stage() {
  auto entry = co_await services_.node.look_at_stage(services_.settings.mount_root, name_);
  if (!entry && !view_.wanted && entry.error().code == mount::Errc::unsafe_path) {
    view_.stage = VolumeView::Stage::other;  // a symbolic link, say: nothing of ours is mounted through it (rule 15)
    co_return;
  }
  if (!entry) {
    co_return give_up(decide::failure_of(entry.error()));
  }
  mounted_ = std::move(entry).value();
  stood_ = mounted_.has_value();
  if (!mounted_) {
    view_.stage = VolumeView::Stage::free;
  } else if (disk_ && on_disk(*mounted_, *disk_)) {
    view_.stage = VolumeView::Stage::ours;
    // What is read-only does not grow, which is where others are asked for their size after a restart.
    if (view_.wanted && view_.read_only)
      if (auto usage = co_await services_.node.usage(mounted_->target)) usage_ = std::move(usage).value();
    if (view_.wanted && mounted_->read_only && !view_.read_only)
      fail({Verdict::mount_failed, "is mounted read-only at " + mounted_->target +
                                       ": from an earlier goal, or because of errors (see dmesg); release it first"});
  } else if (view_.wanted && !view_.look_known) {
    view_.stage = VolumeView::Stage::taken;  // by the disk, maybe: whoever knows how that looks is asked next
  } else if (!disk_ && mounted_->device_gone) {
    // The place is ours alone, and no other disk was ever mounted there: what is left of a pulled disk may go.
    view_.stage = VolumeView::Stage::ours;
    if (view_.wanted)
      fail({Verdict::device_missing, "was pulled out while it was mounted at " + mounted_->target + "; release it"});
  } else {
    view_.stage = VolumeView::Stage::other;
    if (view_.wanted)  // rule 14
      fail({Verdict::mount_failed, mounted_->source + " is mounted at " + mounted_->target + ", not this volume"});
  }
}

Volume::Done Volume::describe() {
  const auto answer = co_await ask_until_it_has_left();
  if (view_.wanted && view_.failed) co_return;  // it is still to be seen, though it has left
  const bool missing = answer ? answer.value().blank : answer.error().code == backends::Errc::not_found;
  if (!view_.wanted && missing) {
    // What does not exist any more is not attached either, unless it is seen to be.
    view_.attachment = view_.disk == VolumeView::Disk::present ? Attachment::here : Attachment::detached;
    co_return;
  }
  if (!answer) co_return give_up(decide::failure_of(answer.error()));
  const backends::Description& description = answer.value();
  if (description.attachment == Attachment::leaving && view_.wanted)
    co_return fail({Verdict::not_ready, "is still being detached from this instance"});
  // It may have become so since the task looked. What others may write to is neither checked nor formatted.
  if (description.volume.shared && view_.wanted && !form_.read_only)
    co_return fail({Verdict::unsafe_filesystem, decide::kShared});
  form_.volume = description.volume;
  view_.attachment = description.attachment;
  if (!view_.wanted) doubt_the_lists();
  if (description.look) {
    look_ = to_disk_look(*description.look);
    view_.look_known = true;
    view_.disk = VolumeView::Disk::unknown;
    disk_.reset();
  }
  if (description.attachment == Attachment::elsewhere && view_.wanted)
    fail({Verdict::in_use, "attached to instance " + description.holder});  // rule 20
}

state::VolumeRecord Volume::state_record() const {
  return {.name = name_,
          .backend = form_.backend,
          .volume = form_.volume,
          .read_only = form_.read_only,
          .options = form_.options,
          .attached_by_us = view_.attached_by_us,
          .write_protected = protected_,
          .look = to_backend_look(look_),
          .look_known = view_.look_known};
}

Volume::Done Volume::record() {
  if (const Volume* other = all_.with_disk_of(*this))
    co_return fail({Verdict::in_use, "is here already, under the name '" + other->name() + "'"});
  const bool was_ours = std::exchange(view_.attached_by_us, view_.attachment == Attachment::detached);  // rule 11
  recording_ = true;
  const auto ticket = services_.ledger.add(state_record());
  const auto written = co_await services_.ledger.flush(ticket);
  recording_ = false;
  if (!written) {
    // It must not reach the disk later on, when it is not true any more.
    view_.attached_by_us = was_ours;
    if (view_.recorded)
      services_.ledger.add(state_record());
    else
      services_.ledger.add(state::ForgetVolume{name_});
    co_return fail({Verdict::attach_failed, written.error().message + "; nothing was attached"});
  }
  view_.recorded = true;
}

Volume::Done Volume::attach() {
  const auto backend = services_.here.backend(form_.backend);
  if (!backend) co_return fail(decide::failure_of(backend.error()));
  backends::Volume wanted = form_.volume;
  wanted.defined = wanted.defined && !existed_;  // what has been there is not made anew, blank
  MOORING_FAILPOINT("attach.before");
  auto attached = co_await backend.value()->attach(std::move(wanted));
  MOORING_FAILPOINT("attach.after");
  if (!attached) {
    const backends::Error& error = attached.error();
    // Without an answer it may be on its way, even if the provider's lists do not tell of it yet: it is taken back
    // unasked.
    const bool unknown_holder = error.code == backends::Errc::in_use && error.holder.empty();
    if (error.maybe_done || (unknown_holder && was_ours_))
      view_.attachment = Attachment::arriving;
    else if (error.code == backends::Errc::in_use)
      view_.attachment = Attachment::elsewhere;  // or here, but by somebody else's doing (rule 11)
    else if (error.code == backends::Errc::attach_failed)
      view_.attachment.reset();  // whoever takes it back asks
    co_return fail(decide::failure_of(attached.error()));
  }
  existed_ = true;
  const bool news = !view_.look_known;
  look_ = to_disk_look(attached.value().look);
  view_.look_known = true;
  view_.attachment = attached.value().attachment;
  view_.disk = VolumeView::Disk::unknown;
  const bool theirs = attached.value().already && !was_ours_;
  if (theirs) view_.attached_by_us = false;
  const auto ticket = services_.ledger.add(state_record());
  if (theirs) {
    // Somebody else attached it between our look and our request: a later run must not take it for ours (rule 11).
    const auto written = co_await services_.ledger.flush(ticket);
    if (!written) fail({Verdict::attach_failed, written.error().message});
  } else if (news) {
    // Nobody waits for it: should it get lost, the provider knows.
    services_.ledger.begin_flush(ticket);
  }
}

Volume::Done Volume::probe() {
  auto content = co_await services_.node.probe(look_, *disk_);
  if (!content) co_return fail(decide::failure_of(content.error()));
  content_ = std::move(content).value();
  view_.content = content_->filesystem ? VolumeView::Content::filesystem : VolumeView::Content::blank;
  if (content_->filesystem) refuse_other(content_->filesystem->type);
}

/// Rule 6, for those who asked for another file system; others who came together with them may still have it.
void Volume::refuse_other(const std::string& type) {
  for (auto& [key, seat] : users_) {
    if (!seat.is_pending() || seat.wish->candidate.fs.empty() || seat.wish->candidate.fs == type) continue;
    seat.outcome = Outcome::failed;
    seat.failure = decide::other_file_system(type, seat.wish->candidate.fs);
  }
  changed_.notify();
}

/// Rule 1: who may not format gets no disk that was formatted for another, either.
void Volume::refuse_blank_to_others() {
  for (auto& [key, seat] : users_) {
    if (!seat.is_pending() || may_format(*seat.wish)) continue;
    seat.outcome = Outcome::failed;
    seat.failure = {Verdict::unsafe_filesystem, decide::kBlank};
  }
  changed_.notify();
}

Volume::Done Volume::refuse_blank() {
  fail({Verdict::unsafe_filesystem, view_.read_only ? decide::kBlankReadOnly : decide::kBlank});
  co_return;
}

Volume::Done Volume::format() {
  refuse_blank_to_others();
  const std::string type = file_system_for(pending_wishes());
  spdlog::info("volume={} stage=format device={} is blank: making {}", name_, disk_->path, type);
  auto made = co_await services_.node.format(look_, *disk_, type, stop_.get_token());
  if (!made) co_return fail(decide::failure_of(made.error()));
  content_->filesystem = std::move(made).value();
  view_.content = VolumeView::Content::filesystem;
  view_.checked = true;  // nobody has written to it yet
}

Volume::Done Volume::check() {
  auto repaired = co_await services_.node.check(look_, content_->device, *content_->filesystem, stop_.get_token());
  if (!repaired) co_return fail(decide::failure_of(repaired.error()));
  if (!repaired.value().empty()) spdlog::warn("volume={} stage=check repaired: {}", name_, repaired.value());
  view_.checked = true;
}

/// Whether the device may be made read-only. That it was us who did so cannot be seen afterwards (rule 18).
boost::asio::awaitable<bool> Volume::write_down_protection() {
  if (!form_.volume.shared || protected_ || content_->device.read_only) co_return true;
  protected_ = true;
  const auto ticket = services_.ledger.add(state_record());
  const auto written = co_await services_.ledger.flush(ticket);
  if (written) co_return true;
  protected_ = false;
  services_.ledger.add(state_record());
  fail({Verdict::mount_failed, written.error().message});
  co_return false;
}

Volume::Done Volume::mount() {
  const bool may_be_protected = co_await write_down_protection();
  if (!may_be_protected) co_return;
  mount::StageRequest request{.root = services_.settings.mount_root,
                              .name = name_,
                              .look = look_,
                              .device = content_->device,
                              .filesystem = *content_->filesystem,
                              .read_only = view_.read_only,
                              .write_protected = form_.volume.shared,
                              .options = form_.options};
  auto staged = co_await services_.node.stage(std::move(request));
  if (!staged) co_return fail(decide::failure_of(staged.error()));
  mounted_ = std::move(staged).value();
  stood_ = view_.unused = false;
  view_.stage = VolumeView::Stage::ours;
  if (auto usage = co_await services_.node.usage(mounted_->target)) usage_ = std::move(usage).value();
  spdlog::info("volume={} device={} fs={} mounted at {}", name_, mounted_->source, mounted_->fs, mounted_->target);
}

Volume::Done Volume::grow() {
  auto growth = co_await services_.node.grow(*mounted_);
  if (!growth) spdlog::warn("volume={} stage=grow {}; it goes on with its old size", name_, growth.error().message);
  if (growth && growth.value().after > growth.value().before)
    spdlog::info("volume={} stage=grow from {} to {} bytes", name_, growth.value().before, growth.value().after);
  if (auto usage = co_await services_.node.usage(mounted_->target)) usage_ = std::move(usage).value();
  view_.growth_tried = true;
}

}  // namespace mooring::agent::act
