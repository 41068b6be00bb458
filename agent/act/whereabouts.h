// Settles where this instance is, and whether what the ledger says is about it.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "agent/act/here.h"
#include "agent/act/ledger_writer.h"
#include "agent/decide/instance.h"
#include "agent/state/ledger.h"
#include "backends/identify.h"
#include "backends/registry.h"

namespace mooring::agent::act {

class Whereabouts {
 public:
  /// `surroundings` and what it refers to must outlive this. `snapshot` is what the ledger held at the start.
  Whereabouts(backends::IdentitySettings settings, backends::BackendSettings backends,
              backends::Surroundings surroundings, const state::Snapshot& snapshot);

  enum class Outcome : std::uint8_t {
    unknown,       // not yet: find_out() will
    settled,       // `here` is
    refused,       // volumes are attached under another id: problem() says what to do
    other_ledger,  // it came with the image this instance was started from: nothing of it is about this instance
  };

  /// From the configuration, or from what an earlier run of the same boot has found out. Asks nobody.
  Outcome settle_at_start(Here& here, LedgerWriter& ledger);

  /// Asks the metadata, for as long as it takes. `still_unknown`: called after each try that failed.
  boost::asio::awaitable<Outcome> find_out(Here& here, LedgerWriter& ledger, std::function<void()> still_unknown);

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  static void write_down(LedgerWriter& ledger, state::InstanceRecord record);
  Outcome settle(Here& here, LedgerWriter& ledger, const backends::Identity& detected, Clock::duration took);

  backends::IdentitySettings settings_;
  backends::BackendSettings backends_;
  backends::Surroundings surroundings_;
  decide::FormerInstance former_;
  bool has_volumes_;
  bool has_anything_;
  const std::string boot_id_;
  std::string problem_;
};

/// All that the ledger held, to be forgotten; `but` for tasks that somebody has asked for since.
std::vector<state::Change> forget_all(const state::Snapshot& snapshot, const std::set<std::string>& but);

}  // namespace mooring::agent::act
