#include "agent/act/ledger_writer.h"

#include <iterator>
#include <memory>
#include <utility>

#include "backends/offload.h"

namespace mooring::agent::act {

LedgerWriter::LedgerWriter(boost::asio::any_io_executor executor, state::Ledger& ledger)
    : ledger_(ledger), written_(std::move(executor)) {}

LedgerWriter::~LedgerWriter() { thread_.join(); }

boost::asio::awaitable<state::Result<void>> LedgerWriter::flush() {
  while (writing_) co_await written_.wait();
  if (waiting_.empty()) co_return boost::outcome_v2::success();
  writing_ = true;
  auto changes = std::make_shared<std::vector<state::Change>>(std::exchange(waiting_, {}));
  auto job = [this, changes]() noexcept { return ledger_.commit(*changes); };
  auto result = co_await backends::offload(thread_, std::move(job));
  if (!result)
    waiting_.insert(waiting_.begin(), std::make_move_iterator(changes->begin()),
                    std::make_move_iterator(changes->end()));
  writing_ = false;
  written_.notify();
  co_return result;
}

}  // namespace mooring::agent::act
