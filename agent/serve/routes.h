// The HTTP API: which request does what.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "agent/act/tasks.h"
#include "agent/serve/event_stream.h"
#include "agent/serve/http.h"

namespace mooring::agent::serve {

class Api {
 public:
  Api(act::Task::World& world, act::Tasks& tasks, EventStream& events);

  boost::asio::awaitable<Response> answer(Request request);

  /// Those who wait get what there is.
  void stop();

 private:
  using Answer = boost::asio::awaitable<Response>;
  Answer tasks_route(const Request& request);
  Answer put_task(const Request& request, const std::string& id);
  Answer get_task(const Request& request, const std::string& id);
  Answer delete_task(const Request& request, const std::string& id);
  Answer explain(const Request& request);
  Answer volumes();
  Answer ready(const Request& request);
  Response events(const Request& request);
  Response identity() const;
  [[nodiscard]] Response not_located() const;
  Response list_tasks() const;

  Response refusal(act::Tasks::Refusal why, const std::string& id) const;

  /// Until the task has come to rest, the time is up, or the server stops.
  boost::asio::awaitable<void> wait(std::shared_ptr<act::Task> task, std::chrono::milliseconds time);

  act::Task::World& world_;
  act::Services& services_;
  act::Tasks& tasks_;
  EventStream& event_stream_;
  bool stopping_ = false;
};

}  // namespace mooring::agent::serve
