#include "agent/serve/event_stream.h"

#include <chrono>
#include <string>

#include <boost/json/serialize.hpp>

namespace mooring::agent::serve {
namespace {

// A comment now and then finds out that a client has gone.
constexpr auto kHeartbeat = std::chrono::seconds(30);

std::string to_text(const state::Event& event) {
  boost::json::object data = event.data;
  data["time"] = event.time;
  return "id: " + std::to_string(event.id) + "\nevent: " + event.type + "\ndata: " + boost::json::serialize(data) +
         "\n\n";
}

}  // namespace

EventStream::EventStream(boost::asio::any_io_executor executor, state::Events& events)
    : events_(events), happened_(std::move(executor)) {
  events_.on_event([this] { happened_.notify(); });
}

void EventStream::stop() {
  stopping_ = true;
  happened_.notify();
}

Response EventStream::open(std::uint64_t id, bool follow) {
  Response response;
  response.content_type = "text/event-stream";
  response.stream = [this, id, follow](SendPart send) -> boost::asio::awaitable<void> {
    std::uint64_t last = id <= events_.last() ? id : 0;  // of another clock: all there is
    while (!stopping_) {
      std::string text;
      for (const state::Event& event : events_.after(last)) text += to_text(event);
      last = events_.last();
      if (text.empty()) text = ": still here\n\n";
      if (!co_await send(text) || !follow) co_return;
      if (events_.last() == last) co_await happened_.wait_until(act::Clock::now() + kHeartbeat);
    }
  };
  return response;
}

}  // namespace mooring::agent::serve
