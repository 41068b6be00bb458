#include "agent/act/heartbeat.h"

#include <cstddef>
#include <utility>

#include <boost/asio/post.hpp>

namespace mooring::agent::act {

struct Heartbeat::State : std::enable_shared_from_this<State> {
  State(boost::asio::any_io_executor where, std::vector<boost::asio::any_io_executor> who, std::function<void()> what)
      : executor(std::move(where)), workers(std::move(who)), beat(std::move(what)), timer(executor) {}

  void tick() {
    if (missing > 0) return;
    beat();
    missing = workers.size();
    for (const auto& worker : workers)
      boost::asio::post(worker, [executor = executor, weak = weak_from_this()] {
        boost::asio::post(executor, [weak] {
          if (const auto self = weak.lock()) --self->missing;
        });
      });
  }

  void go_on(Clock::duration interval) {
    timer.expires_after(interval);
    timer.async_wait([weak = weak_from_this(), interval](boost::system::error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      self->tick();
      self->go_on(interval);
    });
  }

  boost::asio::any_io_executor executor;
  std::vector<boost::asio::any_io_executor> workers;
  std::function<void()> beat;
  Timer timer;
  std::size_t missing = 0;  // answers of the workers
};

Heartbeat::Heartbeat(boost::asio::any_io_executor executor, std::vector<boost::asio::any_io_executor> workers,
                     std::function<void()> beat)
    : state_(std::make_shared<State>(std::move(executor), std::move(workers), std::move(beat))) {}

Heartbeat::~Heartbeat() = default;

void Heartbeat::start(Clock::duration interval) {
  state_->tick();
  state_->go_on(interval);
}

void Heartbeat::tick() { state_->tick(); }

}  // namespace mooring::agent::act
