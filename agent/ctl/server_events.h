// Server-sent events (HTML Living Standard, 9.2.6), put together from the parts in which they arrive. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mooring::agent::ctl {

struct ServerEvent {
  std::string id;
  std::string type;
  std::string data;
};

class EventReader {
 public:
  /// The events that `part` completes. Comments are none.
  std::vector<ServerEvent> feed(std::string_view part);

 private:
  void take_line(std::string_view line, std::vector<ServerEvent>& complete);

  std::string rest_;
  ServerEvent next_;
};

}  // namespace mooring::agent::ctl
