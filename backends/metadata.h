// Access to an instance's metadata service, whichever cloud's: a link-local address, never by way of a proxy, short
// first time-outs, and answers of a bounded size.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/http/client.h"

namespace mooring::backends {

class Metadata {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Patience {
    Time end = Time::max();  // nothing lasts longer, whatever a call says
    bool again = true;       // false: fetch() asks only once
  };

  /// `bases` ("http://169.254.169.254", "http://[fd00:ec2::254]") are tried with a stagger when more
  /// than one is given; the one that answers first is kept.
  Metadata(http::Client& client, std::vector<std::string> bases);
  Metadata(http::Client& client, std::vector<std::string> bases, Patience patience);

  /// One request. `path` begins with '/'. Any status is an answer.
  /// Errors: unavailable, with what was asked and what happened.
  boost::asio::awaitable<Result<http::Response>> send(std::string method, std::string path, http::Headers headers,
                                                      std::chrono::milliseconds limit);

  /// Asks again, with growing waits and time-outs (first 300 ms), until an answer comes that is not 5xx or 429, or
  /// `within` is over: then the last answer or error.
  boost::asio::awaitable<Result<http::Response>> fetch(std::string method, std::string path, http::Headers headers,
                                                       std::chrono::milliseconds within);

  /// That answered last, or the first one; empty: there are no bases, and every request fails.
  [[nodiscard]] const std::string& base() const;

 private:
  boost::asio::awaitable<Result<http::Response>> race(http::Request request, std::string path, Time end);

  http::Client& client_;
  std::vector<std::string> bases_;
  Patience patience_;
  std::size_t preferred_ = 0;
  bool settled_ = false;  // preferred_ has answered
};

/// GET, until it is answered with 200; the text.
/// Errors: not_found (404), denied (401, 403), unavailable: anything else. Each says what was asked, and where.
boost::asio::awaitable<Result<std::string>> get_text(Metadata& metadata, std::string path, http::Headers headers);

/// What the status of an answer means: its text, or an error as above. `request` is for people: "GET http://…".
Result<std::string> text_of(Result<http::Response> answer, std::string_view request);

}  // namespace mooring::backends
