#include "backends/http/pool.h"

#include <algorithm>
#include <utility>

namespace mooring::backends::http {

Pool::Pool(const boost::asio::any_io_executor& executor, std::size_t most, std::chrono::milliseconds idle_time)
    : most_(most), idle_time_(idle_time), timer_(executor) {}

std::unique_ptr<Connection> Pool::take(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto& waiting = found->second;
  std::unique_ptr<Connection> taken;
  while (!taken && !waiting.empty()) {
    Idle last = std::move(waiting.back());
    waiting.pop_back();
    if (last.until > Clock::now() && last.connection->quiet()) taken = std::move(last.connection);
  }
  if (waiting.empty()) idle_.erase(found);
  if (idle_.empty()) timer_.cancel();
  return taken;
}

void Pool::put(const std::string& key, std::unique_ptr<Connection> connection) {
  if (most_ == 0 || idle_time_ <= std::chrono::milliseconds(0)) return;
  auto& waiting = idle_[key];
  if (waiting.size() >= most_) waiting.pop_front();
  waiting.push_back({std::move(connection), after(idle_time_)});
  if (!waiting_) close_old();
}

/// Closes those whose time is up, and comes back for the next one.
void Pool::close_old() {
  const Time now = Clock::now();
  Time next = Time::max();
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    auto& waiting = entry->second;
    while (!waiting.empty() && waiting.front().until <= now) waiting.pop_front();
    if (!waiting.empty()) next = std::min(next, waiting.front().until);
    entry = waiting.empty() ? idle_.erase(entry) : std::next(entry);
  }
  waiting_ = !idle_.empty();
  if (!waiting_) return;
  timer_.expires_at(next);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code&) {
    if (const auto pool = weak.lock()) pool->close_old();
  });
}

}  // namespace mooring::backends::http
