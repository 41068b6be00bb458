// What moorctl reads from the socket: server-sent events, tasks, problems. Whoever listens there may not be moord.
#include "agent/ctl/server_events.h"

#include <algorithm>

#include "agent/ctl/binds.h"
#include "agent/ctl/json_text.h"
#include "agent/ctl/output.h"
#include "tests/fuzz/fuzz.h"

namespace {

using mooring::fuzz::expect;

/// Lines for a terminal.
void expect_lines(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    mooring::fuzz::expect_printable(text.substr(at, end - at));
    at = end + 1;
  }
}

void show(const boost::json::object& object) {
  using namespace mooring::agent::ctl;
  const Style style;
  expect_lines(task_text(object, style));
  expect_lines(tasks_text(object, style));
  expect_lines(mount_report(object, style));
  expect_lines(explain_text(object, style));
  expect_lines(volumes_text(object, style));
  expect_lines(identity_text(object));
  expect_lines(problem_text(object));
  expect_lines(pretty(object));
  expect_lines(event_line("event", object, {.colour = false, .width = 40}));
  for (const Binds& binds : {docker_binds(object), oci_binds(object)}) {
    expect(binds.text.empty() || binds.problem.empty(), "binds are passed on all or not at all", binds.text);
    expect_lines(binds.problem);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::agent::ctl;
  const auto text = mooring::fuzz::text_of(data, size);
  EventReader whole;
  const auto events = whole.feed(text);
  for (const ServerEvent& event : events) {
    expect(event.type.find('\n') == std::string::npos, "a type is on one line", event.type);
    if (const auto object = object_from(event.data)) show(*object);
  }
  // However it arrives, it is the same.
  EventReader pieces;
  std::size_t count = 0;
  for (std::size_t at = 0; at < size; at += 7) {
    for (const ServerEvent& event : pieces.feed(text.substr(at, 7))) {
      expect(count < events.size() && event.data == events[count].data && event.id == events[count].id &&
                 event.type == events[count].type,
             "events do not depend on how they arrive", event.data);
      ++count;
    }
  }
  expect(count == events.size(), "no event is lost");
  if (const auto object = object_from(text)) show(*object);
  return 0;
}
