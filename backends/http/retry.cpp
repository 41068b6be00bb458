#include "backends/http/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <iomanip>
#include <locale>
#include <sstream>

namespace mooring::backends::http {
namespace {

using std::chrono::milliseconds;

// Whoever asks for more than a day means never.
constexpr std::chrono::seconds kLongestAsked = std::chrono::hours(24);

std::optional<milliseconds> seconds_in(std::string_view text) {
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return std::nullopt;
  std::chrono::seconds::rep count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) return kLongestAsked;  // too many digits
  return std::min(std::chrono::seconds(count), kLongestAsked);
}

/// The three forms that a recipient has to read (RFC 9110, 5.6.7). All are in GMT.
std::optional<std::chrono::system_clock::time_point> date_in(std::string_view text) {
  constexpr std::array<const char*, 3> kForms{"%a, %d %b %Y %H:%M:%S GMT|", "%A, %d-%b-%y %H:%M:%S GMT|",
                                              "%a %b %e %H:%M:%S %Y|"};
  for (const char* form : kForms) {
    std::tm parts{};
    // The mark at the end: get_time() is content with a text that ends before its form does.
    std::istringstream in(std::string(text) + "|");
    in.imbue(std::locale::classic());
    in >> std::get_time(&parts, form);
    if (in.fail()) continue;
    // The clock counts nanoseconds in 64 bits: from 1677 to 2262, and differences half as far.
    constexpr int kFirst = 1970 - 1900;
    constexpr int kLast = 2200 - 1900;
    if (parts.tm_year < kFirst || parts.tm_year > kLast) return std::nullopt;
    return std::chrono::system_clock::from_time_t(timegm(&parts));
  }
  return std::nullopt;
}

}  // namespace

bool RetryBudget::take() {
  if (tokens_ < kRetry) return false;
  tokens_ -= kRetry;
  return true;
}

void RetryBudget::give_back() { tokens_ = std::min(kCapacity, tokens_ + kSuccess); }

Retry::Retry(const RetryPolicy& policy, RetryBudget& budget, Time deadline)
    : policy_(policy), budget_(budget), deadline_(deadline) {}

std::optional<milliseconds> Retry::next(Time now, double chance, std::optional<milliseconds> asked) {
  if (made_ >= policy_.attempts || now >= deadline_) return std::nullopt;
  milliseconds most = policy_.base;
  for (unsigned i = 1; i < made_ && most < policy_.cap; ++i) most *= 2;
  most = std::min(most, policy_.cap);
  milliseconds wait(static_cast<milliseconds::rep>(static_cast<double>(most.count()) * chance));
  if (asked) wait = std::max(wait, *asked);
  if (wait >= deadline_ - now) return std::nullopt;
  if (!budget_.take()) return std::nullopt;
  ++made_;
  return wait;
}

bool may_pass(unsigned status) {
  constexpr std::array<unsigned, 7> kPassing{408, 425, 429, 500, 502, 503, 504};
  return std::find(kPassing.begin(), kPassing.end(), status) != kPassing.end();
}

bool may_pass(const Error& error) {
  switch (error.code) {
    case Errc::unresolved:
    case Errc::unreachable:
    case Errc::timed_out:
    case Errc::broken:
      return true;
    case Errc::bad_request:
    case Errc::untrusted:
    case Errc::too_large:
      return false;
  }
  return false;
}

std::optional<milliseconds> retry_after(const Response& response, std::chrono::system_clock::time_point now) {
  const std::string_view text = response.header("Retry-After");
  if (const auto seconds = seconds_in(text)) return seconds;
  const auto date = date_in(text);
  if (!date) return std::nullopt;
  const auto wait = std::chrono::ceil<milliseconds>(*date - date_of(response).value_or(now));
  return std::clamp<milliseconds>(wait, milliseconds(0), kLongestAsked);
}

std::optional<std::chrono::system_clock::time_point> date_of(const Response& response) {
  return date_in(response.header("Date"));
}

}  // namespace mooring::backends::http
