#include "agent/state/events.h"

#include <algorithm>
#include <utility>

namespace mooring::agent::state {

void Events::add(std::int64_t now_milliseconds, std::string type, boost::json::object data) {
  kept_.push_back({next_++, now_milliseconds, std::move(type), std::move(data)});
  if (kept_.size() > kKept) kept_.pop_front();
  for (const auto& listener : listeners_) listener();
}

std::vector<Event> Events::after(std::uint64_t id) const {
  const auto first = std::ranges::upper_bound(kept_, id, {}, &Event::id);
  return {first, kept_.end()};
}

}  // namespace mooring::agent::state
