// A small cloud on one machine: volumes are image files, instances are `moord` processes, and to attach a volume is to
// put a loop device on its image. A volume is attached to one instance at a time, as with any cloud.
#pragma once

#include <string>

#include <boost/asio/thread_pool.hpp>

#include "backends/backend.h"
#include "backends/identity.h"

namespace mooring::backends::local {

class LocalBackend final : public Backend {
 public:
  LocalBackend(std::string directory, const Identity& identity, boost::asio::thread_pool& pool);

  [[nodiscard]] std::string_view name() const override { return "local"; }
  boost::asio::awaitable<std::vector<Result<Description>>> describe(std::vector<Volume> volumes) override;
  boost::asio::awaitable<Result<Attached>> attach(Volume volume) override;
  boost::asio::awaitable<Result<Attachment>> detach(Volume volume, bool stuck) override;

 private:
  std::string directory_;
  std::string region_;
  std::string instance_;
  boost::asio::thread_pool& pool_;
};

}  // namespace mooring::backends::local
