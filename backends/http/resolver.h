// Addresses of names. getaddrinfo(3) may hang for as long as its name servers are silent and cannot be stopped: it runs
// on a thread that nobody waits for, neither a request whose time is up nor the end of the process. (Asio's own
// resolver joins its thread when the io_context goes.)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include "backends/http/deadline.h"
#include "backends/http/message.h"

namespace mooring::backends::http {

using Addresses = std::vector<boost::asio::ip::address>;

class Resolver {
 public:
  /// `replacement` stands in for getaddrinfo(3); empty: none does. See ClientSettings::look_up.
  Resolver(boost::asio::any_io_executor executor,
           std::function<std::vector<std::string>(const std::string&)> replacement);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// At least one. An address stands for itself, at once. Several requests for one name wait for one look-up.
  /// Errors: unresolved, timed_out.
  boost::asio::awaitable<Result<Addresses>> look_up(const std::string& host, Time deadline);

 private:
  struct LookUp;

  Result<std::shared_ptr<LookUp>> join_or_start(const std::string& host);
  boost::asio::awaitable<void> wait(std::shared_ptr<LookUp> look_up, Time deadline);

  boost::asio::any_io_executor executor_;
  std::function<std::vector<std::string>(const std::string&)> replacement_;
  std::map<std::string, std::shared_ptr<LookUp>> under_way_;
};

}  // namespace mooring::backends::http
