// Reads the fields of a mapping: each at most once, none left unread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/goal/document.h"

namespace mooring::agent::goal {

class Fields {
 public:
  /// `what` names the mapping in messages: "a mount", "the configuration". A node that is no mapping is one error, and
  /// then every field is absent.
  Fields(const Node& node, std::string what, Diagnostics& diagnostics);

  /// The value, which may be null, or nullptr where the key is not there. The readers below report a value of the wrong
  /// kind, also null, and then return nothing.
  const Node* take(std::string_view key);
  /// As take, but nullptr also for null: a section of which every line is commented out.
  const Node* section(std::string_view key);
  /// As take; if the key is not there, finish() says so.
  const Node* need(std::string_view key);
  /// finish() reports `message`, unless one of the unknown keys looks like one of `keys`: then that is the mistake.
  void lacks(std::vector<std::string_view> keys, std::string message);
  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<double> number(std::string_view key);
  std::optional<std::chrono::milliseconds> duration(std::string_view key);  // 90s, 5m, 250ms, 1h
  std::optional<std::uint64_t> size(std::string_view key);  // 500GB (10^9, as dstack and clouds), 512MiB; bytes
  std::vector<std::string> texts(std::string_view key);     // a sequence of scalars
  std::optional<std::string> one_of(std::string_view key, const std::vector<std::string_view>& allowed);

  /// An error for each key that nobody took, with the nearest of those that were asked for.
  void finish();

 private:
  struct Lack {
    std::vector<std::string_view> keys;
    std::string message;
  };
  const Node* node_;
  std::string what_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> asked_;
  std::vector<Lack> lacking_;
};

/// One value, `what` in messages. A plain true or null is no string; a plain number is one, as it is written.
std::optional<std::string> read_text(const Node& node, std::string_view what, Diagnostics& diagnostics);
/// A number of YAML 1.2's core schema (JSON's are among them).
std::optional<double> read_number(const Node& node, std::string_view what, Diagnostics& diagnostics);
/// A sequence of scalars; those that are none are reported and left out.
std::vector<std::string> read_texts(const Node& node, std::string_view what, Diagnostics& diagnostics);
/// 'a list', 'a mapping', … for messages.
std::string_view kind_of(const Node& node);

/// A whole number and ms, s, m, h or d; at most a year.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// A number, also 1.5, and B, kB to PB (powers of 1000), KiB to PiB (of 1024), in any case; without a unit GB, as
/// dstack reads it. None for 0 and for what 64 bits cannot hold.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace mooring::agent::goal
