#include "backends/aws/volume_lookup.h"

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mooring::backends::aws {

namespace asio = boost::asio;

struct VolumeLookup::Round {
  explicit Round(const asio::any_io_executor& executor) : done(executor, asio::steady_timer::time_point::max()) {}

  std::set<std::string> ids;
  std::set<std::string> names;
  std::shared_ptr<const FoundVolumes> found;
  std::optional<Ec2Error> failure;
  asio::steady_timer done;  // cancelled when there is an answer
  [[nodiscard]] bool answered() const { return found != nullptr || failure.has_value(); }
};

VolumeLookup::VolumeLookup(asio::any_io_executor executor, Ec2& ec2, std::string tag)
    : executor_(std::move(executor)), ec2_(ec2), tag_(std::move(tag)) {}

asio::awaitable<Ec2Result<std::shared_ptr<const FoundVolumes>>> VolumeLookup::find(std::set<std::string> ids,
                                                                                   std::set<std::string> names) {
  if (!next_) next_ = std::make_shared<Round>(executor_);
  const auto round = next_;
  round->ids.merge(ids);
  round->names.merge(names);
  if (!std::exchange(going_round_, true)) {
    asio::co_spawn(executor_, go_round(), [](const std::exception_ptr& bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
  while (!round->answered()) co_await round->done.async_wait(asio::as_tuple(asio::use_awaitable));
  if (round->failure) co_return *round->failure;
  co_return round->found;
}

asio::awaitable<void> VolumeLookup::go_round() {
  // Those who are about to ask in this turn of the loop are waited for.
  co_await asio::post(executor_, asio::use_awaitable);
  while (next_) {
    const auto round = std::exchange(next_, nullptr);
    co_await ask(*round);
    round->done.cancel();
  }
  going_round_ = false;
}

asio::awaitable<void> VolumeLookup::ask(Round& round) {
  auto found = std::make_shared<FoundVolumes>();
  if (!round.ids.empty()) {
    VolumeFilter filter{"volume-id", {round.ids.begin(), round.ids.end()}};
    auto volumes = co_await ec2_.describe_volumes(std::move(filter));
    if (!volumes) {
      round.failure = volumes.error();
      co_return;
    }
    for (VolumeAnswer& volume : volumes.value()) {
      std::string id = volume.id;
      found->by_id.insert_or_assign(std::move(id), std::move(volume));
    }
  }
  if (!round.names.empty()) {
    VolumeFilter filter{"tag:" + tag_, {round.names.begin(), round.names.end()}};
    auto volumes = co_await ec2_.describe_volumes(std::move(filter));
    if (!volumes) {
      round.failure = volumes.error();
      co_return;
    }
    for (VolumeAnswer& volume : volumes.value()) {
      const auto name = volume.tags.find(tag_);
      if (name == volume.tags.end()) continue;
      std::string key = name->second;
      found->by_name[std::move(key)].push_back(std::move(volume));
    }
  }
  round.found = std::move(found);
}

}  // namespace mooring::backends::aws
