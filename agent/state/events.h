// What happened, for whoever wants to follow it: the last events, each with a number that only grows.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace mooring::agent::state {

struct Event {
  std::uint64_t id = 0;
  std::int64_t time = 0;  // milliseconds since 1970
  std::string type;       // task.ready, volume.attach, …
  boost::json::object data;
};

/// Lives on the agent's thread. Kept in memory: the numbers begin at the wall clock's microseconds, so that they go on
/// growing over a restart, and a follower who resumes with an old one gets all that is there.
class Events {
 public:
  static constexpr std::size_t kKept = 1024;

  explicit Events(std::int64_t now_milliseconds) : next_(static_cast<std::uint64_t>(now_milliseconds) * 1000) {}

  void add(std::int64_t now_milliseconds, std::string type, boost::json::object data);
  /// Those after `id`, oldest first.
  [[nodiscard]] std::vector<Event> after(std::uint64_t id) const;
  [[nodiscard]] std::uint64_t last() const { return next_ - 1; }
  /// Called after each event.
  void on_event(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  std::uint64_t next_;
  std::deque<Event> kept_;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace mooring::agent::state
