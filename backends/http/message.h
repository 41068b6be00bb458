// What is sent to an HTTP service, and what comes back. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

namespace mooring::backends::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The first header of this name, in any case; nullptr: none.
const std::string* find_header(const Headers& headers, std::string_view name);

struct Request {
  std::string method = "GET";
  std::string url;  // http:// or https://, absolute; without a fragment, without user and password
  /// Host, Content-Length, Connection and User-Agent are the client's own business.
  Headers headers;
  std::string body;
  bool direct = false;  // never by way of a proxy: metadata
  /// It may be sent a second time without harm, should a connection that was kept alive turn out to be dead.
  bool repeatable = true;
};

struct Limits {
  std::chrono::milliseconds connect{3000};    // to one address, TLS included
  std::chrono::milliseconds read{20000};      // between two pieces of the answer
  std::chrono::milliseconds total{30000};     // all of it, the look-up of the name included
  std::size_t body = std::size_t{16} << 20U;  // bytes of an answer
};

struct Response {
  unsigned status = 0;
  Headers headers;
  std::string body;

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  /// The value of a header, in any case; empty: there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

enum class Errc : std::uint8_t {
  bad_request,  // the URL, a header or the proxy's address is not one
  unresolved,   // the name is not known, or the name server does not answer
  unreachable,  // no connection: refused, no route, the proxy says no
  untrusted,    // TLS: the certificate is not one that is trusted for this name, or the handshake failed
  timed_out,    // one of the limits
  too_large,    // the answer
  broken,       // not HTTP, or it ended too early
};

/// `message` names the host and what happened; it never has a header, a query or a body in it.
struct Error {
  Errc code = Errc::broken;
  std::string message;
  bool maybe_received = false;  // the service may have got the request, and acted on it
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

}  // namespace mooring::backends::http
