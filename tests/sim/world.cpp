#include "world.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace mooring::sim {

void World::is_awaited(Moment moment) {
  if (moment - now_ < std::chrono::hours(1000)) awaited_.emplace(moment, runs_);
}

void World::after(Duration duration, std::function<void()> what) {
  happenings_.push({now_ + duration, happened_++, std::move(what)});
}

bool World::advance(Moment end) {
  take_due();
  Moment next = end;
  if (!due_.empty()) next = now_;  // somebody waited for a moment that is over
  if (!awaited_.empty()) next = std::min(next, awaited_.top().first);
  if (!happenings_.empty()) next = std::min(next, happenings_.top().moment);
  if (next >= end) {
    now_ = std::max(now_, end);
    return false;
  }
  now_ = std::max(now_, next);
  take_due();
  while (!happenings_.empty() && happenings_.top().moment <= now_) {
    const auto what = happenings_.top().what;
    happenings_.pop();
    what();
  }
  return true;
}

void World::take_due() {
  for (; !awaited_.empty() && awaited_.top().first <= now_; awaited_.pop()) due_.insert(awaited_.top().second);
}

void World::violated(const std::string& what) {
  trace("VIOLATED: ", what);
  if (violation_.empty()) violation_ = what;
}

void World::note(const std::string& line) {
  const double since = agent::act::seconds(now_ - began_);
  char time[32];
  std::snprintf(time, sizeof time, "%11.3f  ", since);
  const std::string whole = time + line + "\n";
  for (const char letter : whole) digest_ = (digest_ ^ static_cast<unsigned char>(letter)) * 1099511628211U;  // FNV-1a
  if (keep_trace) std::cout << whole;
}

}  // namespace mooring::sim
