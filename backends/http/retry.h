// When to ask again: full jitter, a budget that keeps a sick service from being flooded, the service's own Retry-After.
// Pure: time and chance come from outside. (Exponential Backoff And Jitter, AWS Architecture Blog, 2015.)
#pragma once

#include <chrono>
#include <optional>

#include "backends/http/message.h"

namespace mooring::backends::http {

struct RetryPolicy {
  unsigned attempts = 5;  // the first one included
  std::chrono::milliseconds base{100};
  std::chrono::milliseconds cap{5000};
};

/// Shared by all requests to one service: each retry takes some, each success gives a little back.
class RetryBudget {
 public:
  bool take();
  void give_back();

 private:
  static constexpr int kCapacity = 500;
  static constexpr int kRetry = 5;
  static constexpr int kSuccess = 1;
  int tokens_ = kCapacity;
};

/// The retries of one request. Time points are of one steady clock.
class Retry {
 public:
  using Time = std::chrono::steady_clock::time_point;
  Retry(const RetryPolicy& policy, RetryBudget& budget, Time deadline);

  /// After an attempt that failed for a reason that may pass: how long to wait before the next one; empty: there is
  /// none (attempts, budget or time are used up). `chance` is in [0, 1). What the service asks for is heeded, but no
  /// wait goes beyond the deadline.
  std::optional<std::chrono::milliseconds> next(Time now, double chance,
                                                std::optional<std::chrono::milliseconds> asked = std::nullopt);

 private:
  RetryPolicy policy_;
  RetryBudget& budget_;
  Time deadline_;
  unsigned made_ = 1;
};

/// 408, 425, 429, 500, 502, 503, 504 (RFC 9110, RFC 6585).
bool may_pass(unsigned status);

/// Of an Error: whether the same request may succeed when it is sent again.
bool may_pass(const Error& error);

/// When the service says it is (Date; RFC 9110, 6.6.1); empty: it does not say, or not readably.
std::optional<std::chrono::system_clock::time_point> date_of(const Response& response);

/// Retry-After, in seconds or as a date (RFC 9110, 10.2.3), a day at most; empty: none, or not readable.
std::optional<std::chrono::milliseconds> retry_after(const Response& response,
                                                     std::chrono::system_clock::time_point now);

}  // namespace mooring::backends::http
