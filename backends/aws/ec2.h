// The calls of EC2 that volumes need (Amazon EC2 API Reference, Query API, version 2016-11-15): signed, tried again
// where that helps, in bounded time.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "backends/aws/credential_chain.h"
#include "backends/aws/ec2_answers.h"
#include "backends/aws/ec2_errors.h"
#include "backends/http/client.h"
#include "backends/http/retry.h"

namespace mooring::backends::aws {

struct Ec2Error {
  Error error;
  std::string name;          // the code that EC2 gave: "VolumeInUse"; empty: it gave none
  bool name_in_use = false;  // the device name, not the volume
  /// An attempt before this one had no answer, or an unreadable one: EC2 may have done what was asked.
  bool maybe_done = false;
};

template <class T>
using Ec2Result = boost::outcome_v2::basic_result<T, Ec2Error, boost::outcome_v2::policy::terminate>;

/// Volumes for which any of the values fits.
struct VolumeFilter {
  std::string name;  // "volume-id", "tag:Name", "attachment.instance-id"
  std::vector<std::string> values;
};

/// For one thread.
class Ec2 {
 public:
  /// `endpoint`: "https://ec2.us-east-1.amazonaws.com".
  /// `patience`: for one call, all attempts together. What is not answered in half of it has been lost.
  Ec2(http::Client& client, CredentialChain& credentials, std::string endpoint, std::string region,
      std::chrono::milliseconds patience);

  /// All pages, whatever their number. What does not exist is left out.
  boost::asio::awaitable<Ec2Result<std::vector<VolumeAnswer>>> describe_volumes(VolumeFilter filter);

  /// "running", "stopped", … of those that EC2 tells of, for a sentence: one try, and not a long one.
  boost::asio::awaitable<std::map<std::string, std::string>> instance_states(std::vector<std::string> instances);

  boost::asio::awaitable<Ec2Result<void>> attach_volume(std::string volume, std::string instance, std::string device);
  boost::asio::awaitable<Ec2Result<void>> detach_volume(std::string volume, std::string instance);

 private:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  struct Patience {
    unsigned attempts;
    std::chrono::milliseconds one_attempt;
    std::chrono::milliseconds all_attempts;
  };
  boost::asio::awaitable<Ec2Result<std::string>> call(std::string action, Parameters parameters, Patience patience);
  [[nodiscard]] http::Request request_of(const std::string& action, const Parameters& parameters) const;
  [[nodiscard]] Ec2Error unanswered(const http::Error& error) const;
  void correct_clock(const http::Response& response);

  http::Client& client_;
  CredentialChain& credentials_;
  const std::string endpoint_;
  const std::string region_;
  const Patience patience_;
  http::RetryBudget budget_;
  std::chrono::seconds skew_{0};  // from this machine's clock to EC2's
};

}  // namespace mooring::backends::aws
