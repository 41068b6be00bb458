#include "agent/decide/verdict.h"

namespace mooring::agent::decide {
namespace {

Verdict verdict_of(backends::Errc code) {
  switch (code) {
    case backends::Errc::not_found:
      return Verdict::not_found;
    case backends::Errc::wrong_zone:
      return Verdict::wrong_zone;
    case backends::Errc::not_ready:
      return Verdict::not_ready;
    case backends::Errc::in_use:
      return Verdict::in_use;
    case backends::Errc::no_slot:
      return Verdict::no_slot;
    case backends::Errc::denied:
      return Verdict::denied;
    case backends::Errc::unavailable:
      return Verdict::backend_unavailable;
    case backends::Errc::attach_failed:
      return Verdict::attach_failed;
  }
  return Verdict::attach_failed;
}

Verdict verdict_of(mount::Errc code) {
  switch (code) {
    case mount::Errc::not_found:
    case mount::Errc::wrong_disk:
      return Verdict::device_missing;
    case mount::Errc::unreadable:
    case mount::Errc::unsafe_content:
    case mount::Errc::foreign_content:
    case mount::Errc::wrong_filesystem:
    case mount::Errc::check_failed:
      return Verdict::unsafe_filesystem;
    case mount::Errc::busy:
      return Verdict::in_use;
    case mount::Errc::format_failed:
    case mount::Errc::mount_failed:
    case mount::Errc::occupied:
    case mount::Errc::unsafe_path:
    case mount::Errc::invalid_option:
    case mount::Errc::cancelled:
    case mount::Errc::system:
      return Verdict::mount_failed;
  }
  return Verdict::mount_failed;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::chosen:
      return "chosen";
    case Verdict::not_tried:
      return "not_tried";
    case Verdict::wrong_backend:
      return "wrong_backend";
    case Verdict::wrong_region:
      return "wrong_region";
    case Verdict::wrong_zone:
      return "wrong_zone";
    case Verdict::not_found:
      return "not_found";
    case Verdict::not_ready:
      return "not_ready";
    case Verdict::in_use:
      return "in_use";
    case Verdict::no_slot:
      return "no_slot";
    case Verdict::denied:
      return "denied";
    case Verdict::backend_unavailable:
      return "backend_unavailable";
    case Verdict::attach_failed:
      return "attach_failed";
    case Verdict::device_missing:
      return "device_missing";
    case Verdict::unsafe_filesystem:
      return "unsafe_filesystem";
    case Verdict::mount_failed:
      return "mount_failed";
    case Verdict::timed_out:
      return "timed_out";
  }
  return "unknown";
}

Failure other_file_system(const std::string& found, const std::string& wanted) {
  return {Verdict::unsafe_filesystem, "has " + found + ", but " + wanted +
                                          " was asked for; nothing was changed: ask for " + found +
                                          ", or take another volume"};
}

int usefulness(Verdict verdict) {
  switch (verdict) {
    case Verdict::unsafe_filesystem:
      return 9;
    case Verdict::mount_failed:
      return 8;
    case Verdict::device_missing:
    case Verdict::attach_failed:
    case Verdict::timed_out:
      return 7;
    case Verdict::denied:
      return 6;
    case Verdict::in_use:
    case Verdict::no_slot:
    case Verdict::not_ready:
      return 5;
    case Verdict::backend_unavailable:
      return 4;
    case Verdict::not_found:
      return 3;
    case Verdict::wrong_zone:
      return 2;
    case Verdict::wrong_region:
    case Verdict::wrong_backend:
      return 1;
    case Verdict::chosen:
    case Verdict::not_tried:
      return 0;
  }
  return 0;
}

Failure failure_of(const backends::Error& error) { return {verdict_of(error.code), error.message}; }

Failure failure_of(const mount::Error& error) { return {verdict_of(error.code), error.message}; }

}  // namespace mooring::agent::decide
