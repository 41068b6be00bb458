// Writes to the ledger without blocking the agent's thread, and as seldom as durability allows.
#pragma once

#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "agent/act/signal.h"
#include "agent/state/ledger.h"

namespace mooring::agent::act {

/// Changes collect in memory until somebody needs them to be on disk; all that has collected by then goes into one
/// commit. So a task's goal, its choices and the records of its volumes cost one fsync together.
class LedgerWriter {
 public:
  LedgerWriter(boost::asio::any_io_executor executor, state::Ledger& ledger);
  ~LedgerWriter();

  /// To be written with the next flush.
  void add(state::Change change) { waiting_.push_back(std::move(change)); }

  /// Returns when everything that was added before is on disk; at once when nothing is waiting. After an error the
  /// changes go on waiting: the next flush tries again.
  boost::asio::awaitable<state::Result<void>> flush();

 private:
  state::Ledger& ledger_;
  boost::asio::thread_pool thread_{1};  // SQLite, one call at a time
  std::vector<state::Change> waiting_;
  bool writing_ = false;
  Signal written_;
};

}  // namespace mooring::agent::act
