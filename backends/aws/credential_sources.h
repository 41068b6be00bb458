// Where credentials may come from, asked in the order of the AWS SDKs: environment, web identity, profile of the shared
// files, container endpoint, role of the instance. (AWS SDKs and Tools Reference Guide, "Standardized credential
// providers".)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "backends/aws/credentials.h"
#include "backends/aws/imds.h"
#include "backends/aws/metadata_credentials.h"
#include "backends/aws/profile.h"
#include "backends/environment.h"
#include "backends/error.h"
#include "backends/http/client.h"
#include "backends/http/retry.h"

namespace mooring::backends::aws {

struct CredentialSettings {
  std::string region;
  std::string dns_suffix;    // empty: that of the region's partition
  std::string sts_endpoint;  // empty: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, or the regional one
  std::string profile;       // asked before everything else; empty: AWS_PROFILE, or "default", in its turn
};

/// For one thread. Files are read on `pool`; it, the client and `imds` must outlive every fetch().
class CredentialSources {
 public:
  CredentialSources(http::Client& client, Imds& imds, Environment environment, CredentialSettings settings,
                    boost::asio::thread_pool& pool);

  /// Asks anew, whatever was found before. The first source that is configured answers, for good or ill; if none is,
  /// the error lists all that were looked at. Errors: denied, unavailable; they name the source.
  boost::asio::awaitable<Result<Credentials>> fetch();

 private:
  /// Empty: this source is not configured; a line in `looked_` says so.
  using Answer = Result<std::optional<Credentials>>;

  Answer ask_environment();
  boost::asio::awaitable<Answer> ask_web_identity();
  boost::asio::awaitable<Answer> ask_profile();
  boost::asio::awaitable<Answer> ask_container();
  boost::asio::awaitable<Result<Credentials>> ask_instance_role();

  boost::asio::awaitable<Result<Profiles>> read_shared_files();
  boost::asio::awaitable<Result<Credentials>> carry_out(ProfilePlan plan);
  boost::asio::awaitable<Result<Credentials>> ask_named(NamedSource source);
  boost::asio::awaitable<Result<Credentials>> become(Credentials self, AssumedRole role);
  boost::asio::awaitable<Result<Credentials>> become(WebIdentity identity);
  boost::asio::awaitable<Result<Credentials>> ask_sts(http::Request request, std::vector<std::string> secrets);
  boost::asio::awaitable<Result<std::string>> read_token(std::string path);
  [[nodiscard]] Result<std::string> sts_endpoint() const;

  http::Client& client_;
  Imds& imds_;
  Environment environment_;
  CredentialSettings settings_;
  boost::asio::thread_pool& pool_;
  http::RetryBudget sts_budget_;
  http::RetryBudget container_budget_;
  std::vector<std::string> looked_;  // by the fetch() that is under way
};

}  // namespace mooring::backends::aws
