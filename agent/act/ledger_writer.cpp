#include "agent/act/ledger_writer.h"

#include <iterator>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "backends/offload.h"

namespace mooring::agent::act {

LedgerWriter::LedgerWriter(boost::asio::any_io_executor executor, boost::asio::any_io_executor worker, Commit commit)
    : executor_(executor),
      worker_(std::move(worker)),
      commit_(std::make_shared<const Commit>(std::move(commit))),
      ended_(std::move(executor)) {}

LedgerWriter::Ticket LedgerWriter::add(state::Change change) {
  waiting_.push_back(std::move(change));
  return ++last_;
}

void LedgerWriter::begin_flush(Ticket ticket) {
  auto work = [this, ticket]() -> boost::asio::awaitable<void> {
    const auto written = co_await flush(ticket);
    static_cast<void>(written);  // whoever needs it flushes again, and is told
  };
  boost::asio::co_spawn(executor_, std::move(work), boost::asio::detached);
}

boost::asio::awaitable<state::Result<void>> LedgerWriter::flush(Ticket ticket) {
  while (writing_) co_await ended_.wait();
  if (ticket <= written_) co_return boost::outcome_v2::success();
  writing_ = true;
  const Ticket last = last_;
  auto changes = std::make_shared<std::vector<state::Change>>(std::exchange(waiting_, {}));
  auto job = [commit = commit_, changes]() noexcept { return (*commit)(*changes); };
  auto result = co_await backends::offload(worker_, std::move(job));
  if (result)
    written_ = last;
  else
    waiting_.insert(waiting_.begin(), std::make_move_iterator(changes->begin()),
                    std::make_move_iterator(changes->end()));
  writing_ = false;
  ended_.notify();
  co_return result;
}

}  // namespace mooring::agent::act
