// The decision function: what to do next for one volume. Pure: no I/O, no clock, no logging.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "backends/volume.h"

namespace mooring::agent::decide {

/// All that is known of a volume on this instance. Whoever takes a step writes what came of it back here.
struct VolumeView {
  enum class Disk : std::uint8_t { unknown, absent, present };
  enum class Stage : std::uint8_t { unknown, free, taken, ours, other };  // taken: by what is not known yet
  enum class Content : std::uint8_t { unknown, blank, filesystem };

  // The goal. Held: kept as it is, whatever that is, until its task has made up its mind.
  bool wanted = false;
  bool held = false;
  bool may_format = false;
  bool read_only = false;
  // The ledger: written down that we are at work on this volume, and whether its attachment is our doing.
  bool recorded = false;
  bool attached_by_us = false;
  // What is observed.
  bool look_known = false;  // how the disk will look; without it, it cannot be told from others
  std::optional<backends::Attachment> attachment;
  Disk disk = Disk::unknown;
  Stage stage = Stage::unknown;
  Content content = Content::unknown;
  bool checked = false;       // fsck is content
  bool growth_tried = false;  // the file system has the size of its disk, as far as that can be had
  bool unused = false;        // proven: no mount namespace has the file system (rule 10)
  // A step did not succeed: towards the goal there is no way on; away from it, it is tried again later.
  bool failed = false;
  bool blocked = false;
};

enum class Step : std::uint8_t {
  find_disk,      // is it here already?
  look_at_stage,  // what is mounted at the place of this volume?
  describe,       // ask the provider
  record,         // write down what cannot be observed afterwards (rule 18)
  attach,
  await_disk,
  probe,
  refuse_blank,  // blank, and nobody allowed to format it
  format,
  check,
  mount,
  grow,
  unmount,
  prove_unused,
  detach,
  forget,
  // Ends: nothing to do until something changes.
  ready,
  failed,
  blocked,
  held,
  gone,
};

Step next_step(const VolumeView& view);

bool is_end(Step step);

/// The word that users see for the stage a volume is in: "attach", "device", "check", "mount", …
std::string_view stage_name(Step step);

}  // namespace mooring::agent::decide
