// Points at which a test lets the daemon die (rule 18). Built in with the option MOORING_FAILPOINTS only; without it
// nothing of them, not even a name, is in the program.
#pragma once

#ifdef MOORING_FAILPOINTS

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::failpoint {

/// Each has a point before and one after it: "mount.before", "mount.after".
inline constexpr std::array<std::string_view, 12> kSteps{"device", "format",  "check",         "mount",
                                                         "grow",   "unmount", "commit",        "host_path",
                                                         "bind",   "unbind",  "instance_path", "allow_writes"};

/// Each is one point: what the provider does, and in the middle of a step.
inline constexpr std::array<std::string_view, 19> kPoints{"attach.before",
                                                          "attach.after",
                                                          "detach.before",
                                                          "detach.after",
                                                          "local.temporary_image_made",
                                                          "local.image_made",
                                                          "local.holder_beside_written",
                                                          "local.holder_written",
                                                          "local.loop_configured",
                                                          "local.loop_cleared",
                                                          "local.holder_removed",
                                                          "mount.point_made",
                                                          "mount.point_closed",
                                                          "mount.writes_forbidden",
                                                          "mount.mounted",
                                                          "unmount.unmounted",
                                                          "unmount.point_opened",
                                                          "format.proven",
                                                          "bind.bound"};

class Name {
 public:
  /// A name that is in no list does not compile.
  template <std::size_t N>
  consteval Name(const char (&name)[N]) : text_(name) {  // NOLINT(*-explicit-*): a literal is meant to become one
    for (const auto one : kSteps)
      if (one == text_) return;
    for (const auto one : kPoints)
      if (one == text_) return;
    throw "unknown failpoint";
  }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// Dies by SIGKILL where the environment says so: MOORING_FAILPOINT=name[:nth]; with name:hang it comes to no end
/// there, nor does any other thread that passes a point. MOORING_FAILPOINT_LOG=file gets the name of each point that
/// was passed, one a line.
void pass(std::string_view name);

/// The names of all points.
std::vector<std::string> all();

class Step {
 public:
  explicit Step(Name name) : name_(name.text()) { pass(std::string(name_) + ".before"); }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  ~Step() { pass(std::string(name_) + ".after"); }

 private:
  std::string_view name_;
};

}  // namespace mooring::failpoint

#define MOORING_FAILPOINT(name) ::mooring::failpoint::pass(::mooring::failpoint::Name(name).text())
/// From here to the end of the block; what it returns is made by then.
#define MOORING_FAILPOINT_STEP(name) const ::mooring::failpoint::Step mooring_failpoint_step(name)

#else

#define MOORING_FAILPOINT(name) static_cast<void>(0)
#define MOORING_FAILPOINT_STEP(name) static_cast<void>(0)

#endif
