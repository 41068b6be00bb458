// What became of a candidate, in one word and one sentence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/error.h"
#include "mount/error.h"

namespace mooring::agent::decide {

enum class Verdict {
  chosen,
  not_tried,
  wrong_backend,
  wrong_region,
  wrong_zone,
  not_found,
  not_ready,
  in_use,
  no_slot,
  denied,
  backend_unavailable,
  attach_failed,
  device_missing,
  unsafe_filesystem,
  mount_failed,
  timed_out,
};

/// The words of the API.
std::string_view to_string(Verdict verdict);

/// Why a candidate could not be had.
struct Failure {
  Verdict verdict = Verdict::attach_failed;
  std::string detail;
};

/// Of several failures, the one worth most to who has to mend it: the further a candidate came, the more. 0: none.
int usefulness(Verdict verdict);

/// Rule 6, in words.
Failure other_file_system(const std::string& found, const std::string& wanted);

/// Rule 1, in words.
inline constexpr const char* kBlank = "is blank, and no definition says that it may be formatted (init_fs: true)";
inline constexpr const char* kShared =
    "may be attached to several instances (multi-attach), so it is mounted read-only or not at all: ask for it with "
    "read_only";
inline constexpr const char* kBlankReadOnly =
    "is blank, and it is asked for read-only; ask for it with read_only: false once, and it is formatted if its "
    "definition has init_fs: true";

Failure failure_of(const backends::Error& error);
Failure failure_of(const mount::Error& error);

}  // namespace mooring::agent::decide
