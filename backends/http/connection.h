// One connection to a server, plain or with TLS. Every operation has a point in time at which it ends at the latest,
// with asio::error::timed_out; then the connection is of no more use.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "backends/http/deadline.h"
#include "backends/http/message.h"
#include "backends/http/tls.h"

namespace mooring::backends::http {

struct Transferred {
  boost::system::error_code error;
  std::size_t count = 0;  // bytes
};

class Connection {
 public:
  explicit Connection(boost::asio::any_io_executor executor);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::asio::awaitable<boost::system::error_code> connect(boost::asio::ip::tcp::endpoint server, Time deadline);

  /// From here on all is encrypted. Errors: untrusted, timed_out, unreachable.
  boost::asio::awaitable<Result<void>> start_tls(boost::asio::ssl::context& context, const std::string& host,
                                                 Time deadline);

  boost::asio::awaitable<Transferred> read_some(boost::asio::mutable_buffer into, Time deadline);
  boost::asio::awaitable<Transferred> write_some(boost::asio::const_buffer from, Time deadline);

  /// Still open, and nothing came since the last read: what a connection between two requests should be like.
  [[nodiscard]] bool quiet() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace mooring::backends::http
