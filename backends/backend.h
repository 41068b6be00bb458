// What every provider does. Calls are coroutines on the agent's thread: none blocks it.
#pragma once

#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/volume.h"

namespace mooring::backends {

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// The `backend:` of definitions: "local", "aws", …
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// What the provider knows of these volumes, in their order; one request for all where the provider can.
  /// Errors of a volume: not_found, not_ready, in_use never (see Description::attachment), denied, unavailable.
  virtual boost::asio::awaitable<std::vector<Result<Description>>> describe(std::vector<Volume> volumes) = 0;

  /// Attaches; returns when the provider has taken the request, not when the device is there. Repeating it is success.
  /// Errors: not_found, wrong_zone, not_ready, in_use, no_slot, denied, unavailable, attach_failed.
  virtual boost::asio::awaitable<Result<Attached>> attach(Volume volume) = 0;

  /// Detaches; returns `detached` when the disk is not attached here any more, or `leaving` when the provider has taken
  /// the request: then describe() tells when it is done. Not attached: success. `stuck`: it was attached, but no device
  /// ever came (rule 19).
  /// Errors: not_ready (something here still has it open), denied, unavailable.
  virtual boost::asio::awaitable<Result<Attachment>> detach(Volume volume, bool stuck) = 0;
};

}  // namespace mooring::backends
