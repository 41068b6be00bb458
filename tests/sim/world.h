// What all parts of a simulation share: the time, the dice, and the record of what happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/act/clock.h"

namespace mooring::sim {

using agent::act::Clock;
using Moment = Clock::time_point;
using Duration = Clock::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// How much goes wrong. Chances are per call.
struct Faults {
  double cloud = 0;    // no answer, refused, slow, lost answers
  double machine = 0;  // system calls that fail, disks that never come up
  double ledger = 0;   // the disk is full
  double crash = 0;    // moord is killed
};

/// A part is replaced by one that is wrong, to see that the judge notices.
struct Sabotage {
  bool blank_always = false;     // every disk is said to be blank
  bool other_disk = false;       // another disk is given for the one that was asked for
  bool forgets = false;          // records of volumes never reach the disk
  bool loses_tasks = false;      // nor do goals
  bool detach_lies = false;      // "detached", and it is not
  bool unmount_lies = false;     // "unmounted", and it is not
  bool mount_lies = false;       // "mounted", and it is not
  bool never_answers = false;    // a call that waits for ever
  bool hides_volumes = false;    // "no such volume", and it is there
  bool two_holders = false;      // a disk is given to a second instance
  bool formats_unasked = false;  // every definition is taken to permit it
};

class World final : public Clock::Simulated {
 public:
  explicit World(std::uint64_t seed) : dice_(seed) {}

  // The dice. Not the distributions of the standard library: theirs differ from one to the next.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : dice_() % bound; }
  bool chance(double probability) { return static_cast<double>(below(1'000'000)) < probability * 1'000'000; }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }
  template <class Range>
  auto& one_of(Range& range) {
    return range[below(range.size())];
  }

  // The time.
  [[nodiscard]] Moment now() const override { return now_; }
  void is_awaited(Moment moment) override;
  /// Happens whoever lives or dies, in the order of the moments.
  void after(Duration duration, std::function<void()> what);
  /// To the next moment at which something happens, but not beyond `end`. False: that is the end.
  bool advance(Moment end);
  /// Who waits from now on, by the number that it has among the instances.
  void running(std::size_t who) { runs_ = who; }
  /// Whether the time has come that it waited for; said once.
  bool is_due(std::size_t who) { return due_.erase(who) > 0; }

  // The record.
  Faults faults;
  Sabotage sabotage;
  bool anything_went_wrong = false;  // some fault was dealt: what the agent says of it cannot be foreseen
  bool keep_trace = false;

  template <class... Parts>
  void trace(const Parts&... parts) {
    std::string line;
    ((line += parts), ...);
    note(line);
  }
  /// An invariant does not hold. The first is kept.
  void violated(const std::string& what);
  [[nodiscard]] const std::string& violation() const { return violation_; }
  /// Of all that was traced: two runs of one seed have the same.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  void count(const std::string& what) { ++counts_[what]; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

  /// A fault is due.
  bool fails(double probability) {
    if (!chance(probability)) return false;
    anything_went_wrong = true;
    return true;
  }

 private:
  struct Happening {
    Moment moment;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Happening& other) const {  // the queue has the greatest on top
      return std::pair(moment, number) > std::pair(other.moment, other.number);
    }
  };
  void take_due();
  void note(const std::string& line);

  std::mt19937_64 dice_;
  const Moment began_{std::chrono::hours(24 * 365 * 56)};  // also its wall clock, since 1970
  Moment now_ = began_;
  using Awaited = std::pair<Moment, std::size_t>;
  std::priority_queue<Awaited, std::vector<Awaited>, std::greater<>> awaited_;
  std::size_t runs_ = 0;
  std::set<std::size_t> due_;
  std::priority_queue<Happening> happenings_;
  std::uint64_t happened_ = 0;
  std::string violation_;
  std::uint64_t digest_ = 14695981039346656037U;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace mooring::sim
