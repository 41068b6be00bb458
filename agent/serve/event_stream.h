// Server-sent events: what happened, and what happens from now on.
#pragma once

#include <cstdint>

#include <boost/asio/awaitable.hpp>

#include "agent/act/signal.h"
#include "agent/serve/http.h"
#include "agent/state/events.h"

namespace mooring::agent::serve {

class EventStream {
 public:
  EventStream(boost::asio::any_io_executor executor, state::Events& events);

  /// All kept events after `id`; then, if `follow`, each new one as it comes, until the client goes.
  Response open(std::uint64_t id, bool follow);

  /// Ends all streams.
  void stop();

 private:
  state::Events& events_;
  act::Signal happened_;
  bool stopping_ = false;
};

}  // namespace mooring::agent::serve
