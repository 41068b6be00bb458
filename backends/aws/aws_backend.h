// Volumes of Amazon EBS, through EC2.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "backends/aws/aws_settings.h"
#include "backends/aws/credential_chain.h"
#include "backends/aws/device_names.h"
#include "backends/aws/ec2.h"
#include "backends/aws/imds.h"
#include "backends/aws/volume_lookup.h"
#include "backends/backend.h"
#include "backends/environment.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::aws {

/// For one thread: that of `executor`.
class AwsBackend final : public Backend {
 public:
  /// `metadata`: base URLs of the metadata service; empty: AWS's own. All references must outlive this.
  AwsBackend(AwsSettings settings, std::vector<std::string> metadata, const Identity& identity,
             boost::asio::any_io_executor executor, http::Client& client, const Environment& environment,
             boost::asio::thread_pool& pool);

  [[nodiscard]] std::string_view name() const override { return "aws"; }
  boost::asio::awaitable<std::vector<Result<Description>>> describe(std::vector<Volume> volumes) override;
  boost::asio::awaitable<Result<Attached>> attach(Volume volume) override;
  boost::asio::awaitable<Result<Attachment>> detach(Volume volume, bool stuck) override;

 private:
  boost::asio::awaitable<Result<Attached>> settle_in_use(std::string id, std::uint64_t size, Ec2Error refusal);
  boost::asio::awaitable<void> learn_names();
  [[nodiscard]] Result<Description> answer_for(Volume volume, const FoundVolumes& found) const;
  [[nodiscard]] Attached attached(const std::string& id, std::uint64_t size, const std::string& device) const;
  void stand_in(const std::string& id, Look& look) const;

  const AwsSettings settings_;
  const Identity here_;
  Metadata metadata_;
  Imds imds_;
  CredentialChain credentials_;
  Ec2 ec2_;
  VolumeLookup lookup_;
  DeviceNames names_;
};

}  // namespace mooring::backends::aws
