// Waiting for a disk to come and to go. The kernel's events tell; the provider is asked only when it takes long.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "agent/act/pace.h"
#include "agent/act/volume.h"
#include "failpoint/failpoint.h"

namespace mooring::agent::act {

using backends::Attachment;
using decide::Verdict;
using decide::VolumeView;

namespace {

// From the provider's word that a disk is detached until the kernel has seen it go.
constexpr Clock::duration kDetachTime = std::chrono::seconds(2);

std::string whole_seconds(Clock::duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

boost::asio::awaitable<backends::Result<backends::Description>> Volume::ask_provider() {
  const auto backend = services_.here.backend(form_.backend);
  if (!backend) co_return backend.error();
  std::vector<backends::Volume> asked{form_.volume};
  auto answers = co_await backend.value()->describe(std::move(asked));
  co_return std::move(answers.front());
}

/// What is being detached here (by a run that was killed meanwhile, or by somebody else) can be attached again when
/// that is done; what is still to be seen of the disk must not be used any more.
boost::asio::awaitable<backends::Result<backends::Description>> Volume::ask_until_it_has_left() {
  const auto patience = Clock::now() + services_.settings.attach_timeout;
  Pace pace(services_.settings.attach_timeout / 90);
  for (bool was_leaving = false;; was_leaving = true) {
    auto answer = co_await ask_provider();
    const bool leaving = answer && answer.value().attachment == Attachment::leaving;
    if (!leaving && was_leaving && view_.wanted) co_await await_departure(Clock::now() + kDetachTime);
    if (!leaving || !view_.wanted) co_return answer;
    if (stop_.stop_requested() || Clock::now() >= patience) co_return answer;
    while (!pace.due() && !stop_.stop_requested()) co_await wake_.wait_until(pace.next());
    pace.asked();
  }
}

Volume::Done Volume::await_disk() {
  const auto& settings = services_.settings;
  const auto began = Clock::now();
  auto deadline =
      began + (view_.attachment == Attachment::arriving ? settings.attach_timeout : settings.device_timeout);
  Pace pace(settings.attach_timeout / 8);
  Signal& devices = services_.node.devices_changed();
  std::string seen_last =
      "it was attached, but no such device came up, so it is detached again; the kernel's log may say why (dmesg)";
  bool listed = false;
  while (!stop_.stop_requested()) {
    const auto seen = devices.count();
    auto found = co_await services_.node.find_disk(look_);
    if (found) {
      disk_ = std::move(found).value();
      view_.disk = VolumeView::Disk::present;
      stuck_ = false;
      co_return;
    }
    if (found.error().code != mount::Errc::not_found) seen_last = found.error().message;
    if (Clock::now() >= deadline) break;
    const bool arriving = view_.attachment == Attachment::arriving;
    if (arriving && pace.due()) {
      co_await ask_how_far(listed);
      if (view_.attachment != Attachment::arriving && view_.attachment != Attachment::here) co_return;
      if (view_.attachment == Attachment::here) deadline = Clock::now() + settings.device_timeout;
      pace.asked();
    } else if (devices.count() == seen) {
      co_await devices.wait_until(arriving ? std::min(deadline, pace.next()) : deadline);
    }
  }
  stuck_ = !stop_.stop_requested();
  if (view_.attachment == Attachment::arriving)
    seen_last = "the provider is still attaching it after " + whole_seconds(Clock::now() - began);
  fail({Verdict::device_missing, seen_last});  // rule 19
}

/// Of an attachment that takes long. `listed`: the provider has told of it before; until then, its lists may be older
/// than its answer to the request.
Volume::Done Volume::ask_how_far(bool& listed) {
  const auto answer = co_await ask_provider();
  if (!answer && answer.error().code != backends::Errc::not_found) co_return;  // no answer, or not a final one
  if (!answer && !listed) co_return;
  if (!answer) {
    view_.attachment.reset();
    co_return fail(decide::failure_of(answer.error()));
  }
  const Attachment seen = answer.value().attachment;
  if (seen == Attachment::arriving) listed = true;
  if (seen == Attachment::here) view_.attachment = Attachment::here;
  if (!listed || seen == Attachment::arriving || seen == Attachment::here) co_return;
  view_.attachment.reset();  // whoever takes it back asks again
  if (seen == Attachment::detached) fail({Verdict::attach_failed, "the provider has given up attaching it"});
  if (seen == Attachment::leaving) fail({Verdict::attach_failed, "somebody else has detached it again"});
  if (seen == Attachment::elsewhere) fail({Verdict::in_use, "attached to instance " + answer.value().holder});
}

/// The provider says that it is detached. It may have lost sight of it, though (an image that was renamed): then it is
/// still ours to take away; and on the way here, it is not to be used.
Volume::Done Volume::await_departure(Clock::time_point until) {
  Signal& devices = services_.node.devices_changed();
  for (auto seen = devices.count(); disk_; seen = devices.count()) {
    const auto still = co_await services_.node.find_disk(look_);
    if (!still && still.error().code == mount::Errc::system)
      co_return give_up({Verdict::device_missing, still.error().message});  // no answer
    if (!still) co_return;
    if (Clock::now() >= until)
      co_return give_up({Verdict::not_ready,
                         "is still attached as " + still.value().path + ", though its provider says that it is not"});
    if (devices.count() == seen) co_await devices.wait_until(until);
  }
}

/// The provider is at it. Done is what others can attach: so the provider has to say it, and the kernel tells when it
/// is worth asking.
Volume::Done Volume::await_release() {
  const auto until = Clock::now() + services_.settings.attach_timeout;
  Pace pace(services_.settings.attach_timeout / 90);
  Signal& devices = services_.node.devices_changed();
  bool asked_since_gone = false;
  while (Clock::now() < until) {
    const auto seen = devices.count();
    bool gone = !disk_;
    if (disk_) {
      const auto still = co_await services_.node.find_disk(look_);
      gone = !still && still.error().code != mount::Errc::system;
    }
    if ((gone && !asked_since_gone) || pace.due()) {
      asked_since_gone = gone;
      const auto answer = co_await ask_provider();
      if (!answer && answer.error().code == backends::Errc::not_found) co_return;
      if (answer && answer.value().attachment == Attachment::detached) co_return;
      if (answer && answer.value().attachment == Attachment::elsewhere) co_return;
      pace.asked();
    } else if (devices.count() == seen) {
      co_await devices.wait_until(std::min(until, pace.next()));
    }
  }
  block("its provider is still detaching it after " + whole_seconds(services_.settings.attach_timeout));
}

Volume::Done Volume::detach() {
  const auto backend = services_.here.backend(form_.backend);
  if (!backend) co_return block(backend.error().message);
  MOORING_FAILPOINT("detach.before");
  auto detached = co_await backend.value()->detach(form_.volume, stuck_);
  // Somebody just looks at the device (udev does): no reason yet to tell anybody that it is busy.
  Signal& devices = services_.node.devices_changed();
  const auto patience = Clock::now() + (force_ ? std::chrono::seconds(0) : std::chrono::seconds(2));
  while (!detached && detached.error().code == backends::Errc::not_ready && Clock::now() < patience) {
    co_await devices.wait_until(Clock::now() + std::chrono::milliseconds(50));
    detached = co_await backend.value()->detach(form_.volume, stuck_);
  }
  MOORING_FAILPOINT("detach.after");
  if (!detached) {
    const bool seen = detached.error().code == backends::Errc::not_ready && !holders_.empty();
    co_return block(detached.error().message + (seen ? ", in use by " + described(holders_) : ""));
  }
  if (detached.value() == Attachment::leaving) co_await await_release();
  if (!view_.blocked) co_await await_departure(Clock::now() + kDetachTime);
  if (view_.blocked) co_return;
  spdlog::info("volume={} detached", name_);
  view_.attachment = Attachment::detached;
  view_.disk = VolumeView::Disk::absent;
  stuck_ = was_ours_ = false;
  disk_.reset();
  content_.reset();  // its device number may be another disk's by now
}

}  // namespace mooring::agent::act
