// Writes to the ledger without blocking the agent's thread, and as seldom as durability allows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "agent/act/signal.h"
#include "agent/state/ledger.h"

namespace mooring::agent::act {

/// Changes collect in memory until somebody needs one of them to be on disk; all that has collected by then goes into
/// one commit. So a task's goal, its choices and the records of its volumes cost one fsync together.
class LedgerWriter {
 public:
  /// Numbers the changes; they reach the disk in this order.
  using Ticket = std::uint64_t;

  /// Puts changes on disk, all or none; blocks. state::Ledger::commit.
  using Commit = std::function<state::Result<void>(const std::vector<state::Change>&)>;

  /// `worker`: where `commit` is called, one call at a time. It has to be joined before what `commit` refers to ends.
  LedgerWriter(boost::asio::any_io_executor executor, boost::asio::any_io_executor worker, Commit commit);

  /// To be written at the latest when somebody asks for it, or for a later one.
  Ticket add(state::Change change);

  /// Returns when the change is on disk; at once when it is. After an error it goes on waiting: the next flush tries
  /// again. Changes that others have added later do not matter.
  boost::asio::awaitable<state::Result<void>> flush(Ticket ticket);

  /// Begins to write it; nobody waits for that, nor learns of an error.
  void begin_flush(Ticket ticket);

  /// All that has been added.
  boost::asio::awaitable<state::Result<void>> flush() { return flush(last_); }

 private:
  boost::asio::any_io_executor executor_;
  boost::asio::any_io_executor worker_;
  std::shared_ptr<const Commit> commit_;
  std::vector<state::Change> waiting_;
  Ticket last_ = 0;
  Ticket written_ = 0;
  bool writing_ = false;
  Signal ended_;
};

}  // namespace mooring::agent::act
