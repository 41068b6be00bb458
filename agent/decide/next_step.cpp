#include "agent/decide/next_step.h"

namespace mooring::agent::decide {
namespace {

using Disk = VolumeView::Disk;
using Stage = VolumeView::Stage;
using Content = VolumeView::Content;
using backends::Attachment;

/// The disk is in this machine, its identity is verified, nothing is mounted at its place.
Step towards_mounted(const VolumeView& view) {
  if (view.content == Content::unknown) return Step::probe;
  if (view.content == Content::blank) return view.may_format && !view.read_only ? Step::format : Step::refuse_blank;
  if (!view.checked && !view.read_only) return Step::check;
  return Step::mount;
}

Step towards_ready(const VolumeView& view) {
  if (view.failed) return Step::failed;
  // What is here already needs no provider: after a restart a mounted volume is ready even if the cloud does not
  // answer.
  if (view.look_known && view.disk == Disk::unknown) return Step::find_disk;
  if (view.disk == Disk::present && (view.stage == Stage::unknown || view.stage == Stage::taken))
    return Step::look_at_stage;
  // A disk that was here: is something mounted at its place?
  const bool was_here = view.recorded && (view.disk == Disk::absent || !view.look_known);
  if (was_here && view.stage == Stage::unknown) return Step::look_at_stage;
  if (view.stage == Stage::ours && view.recorded) return view.growth_tried || view.read_only ? Step::ready : Step::grow;
  // A disk that is here may still be somebody else's: with the local backend, instances share a machine (rule 20).
  // What is on its way out is not to be used, though it is still to be seen.
  if (!view.attachment || view.attachment == Attachment::leaving) return Step::describe;
  // A disk that somebody else had attached, and that is not here any more, is attached by us this time.
  const bool becomes_ours = view.attachment == Attachment::detached && !view.attached_by_us;
  if (!view.recorded || becomes_ours) return Step::record;
  // To be seen, but not attached any more: it is about to vanish.
  if (view.attachment == Attachment::detached) return Step::attach;
  const bool is_coming = view.attachment == Attachment::here || view.attachment == Attachment::arriving;
  if (view.disk != Disk::present) return is_coming ? Step::await_disk : Step::attach;
  return towards_mounted(view);
}

Step towards_gone(const VolumeView& view) {
  // Whatever we did was recorded first, so without a record there is nothing of ours.
  if (!view.recorded) return Step::gone;
  if (view.blocked) return Step::blocked;
  if (view.look_known && view.disk == Disk::unknown) return Step::find_disk;
  if (view.stage == Stage::unknown) return Step::look_at_stage;
  if (view.stage == Stage::ours) return Step::unmount;
  if (!view.attached_by_us) return Step::forget;  // rule 11
  // The record alone does not say that the disk is still ours: an earlier run may have been killed before it attached,
  // and another instance may have it by now.
  if (!view.attachment) return Step::describe;
  if (view.attachment == Attachment::detached || view.attachment == Attachment::elsewhere) return Step::forget;
  return view.disk == Disk::present && !view.unused ? Step::prove_unused : Step::detach;  // rule 10
}

}  // namespace

Step next_step(const VolumeView& view) {
  if (view.wanted) return towards_ready(view);
  return view.held ? Step::held : towards_gone(view);
}

bool is_end(Step step) {
  return step == Step::ready || step == Step::failed || step == Step::blocked || step == Step::held ||
         step == Step::gone;
}

std::string_view stage_name(Step step) {
  switch (step) {
    case Step::find_disk:
    case Step::look_at_stage:
    case Step::describe:
    case Step::record:
      return "resolve";
    case Step::attach:
      return "attach";
    case Step::await_disk:
      return "device";
    case Step::probe:
    case Step::refuse_blank:
    case Step::check:
      return "check";
    case Step::format:
      return "format";
    case Step::mount:
      return "mount";
    case Step::grow:
      return "grow";
    case Step::unmount:
    case Step::prove_unused:
      return "unmount";
    case Step::detach:
    case Step::forget:
      return "detach";
    case Step::ready:
      return "mounted";
    case Step::failed:
      return "failed";
    case Step::blocked:
      return "busy";
    case Step::held:
      return "held";
    case Step::gone:
      return "released";
  }
  return "unknown";
}

}  // namespace mooring::agent::decide
