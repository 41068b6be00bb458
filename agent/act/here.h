// Where this instance is, and the backends that can be had there: known at the start, or as soon as its metadata
// answers.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>

#include "agent/act/clock.h"
#include "agent/act/signal.h"
#include "backends/identity.h"
#include "backends/registry.h"

namespace mooring::agent::act {

class Here {
 public:
  explicit Here(const boost::asio::any_io_executor& executor) : changed_(executor) {}

  [[nodiscard]] bool known() const { return identity_.has_value(); }
  /// Only when it is known.
  [[nodiscard]] const backends::Identity& identity() const { return *identity_; }
  /// How long it took to find out; zero: nothing had to be asked.
  [[nodiscard]] Clock::duration took() const { return took_; }
  /// Why it is not known yet.
  [[nodiscard]] const std::string& missing() const { return missing_; }

  /// Errors: unavailable, as long as it is not known where this is, or when this build has no such backend.
  [[nodiscard]] backends::Result<backends::Backend*> backend(std::string_view name) const {
    if (!known()) return backends::Error{backends::Errc::unavailable, missing_, {}};
    const auto found = backends_.find(name);
    if (found != backends_.end()) return found->second.get();
    return backends::Error{backends::Errc::unavailable, "this build has no backend '" + std::string(name) + "'", {}};
  }

  /// Once.
  void settle(backends::Identity identity, backends::Registry backends, Clock::duration took) {
    identity_ = std::move(identity);
    backends_ = std::move(backends);
    took_ = took;
    missing_.clear();
    changed_.notify();
  }
  void lacks(std::string why) { missing_ = std::move(why); }

  /// Notified when it is settled.
  Signal& changed() { return changed_; }

 private:
  std::optional<backends::Identity> identity_;
  backends::Registry backends_;
  Clock::duration took_{};
  std::string missing_ = "where this instance is, is not known yet";
  Signal changed_;
};

}  // namespace mooring::agent::act
