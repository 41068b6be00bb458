#include "backends/aws/ec2.h"

#include <algorithm>
#include <optional>

#include "backends/aws/encode.h"
#include "backends/aws/sigv4.h"
#include "backends/http/fetch.h"

namespace mooring::backends::aws {
namespace {

constexpr const char* kVersion = "2016-11-15";
constexpr std::size_t kPerPage = 500;    // DescribeVolumes, MaxResults: 5 to 1000
constexpr std::size_t kPerFilter = 200;  // values of one filter, at most
constexpr std::chrono::milliseconds kFirstWait{200};
constexpr unsigned kAttempts = 6;
constexpr std::chrono::seconds kCurious{2};
constexpr std::size_t kPages = 200;  // of one question; then something is wrong
// EC2 refuses what is signed with a time that is off by more than five minutes.
constexpr std::chrono::minutes kTolerance{4};

/// In values of filters, * and ? stand for others (Amazon EC2 User Guide, "Filtering").
std::string literally(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '*' || c == '?' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

/// What came of one attempt.
struct Attempt {
  std::optional<std::string> answer;
  Ec2Error failure;
  Remedy remedy = Remedy::none;
  std::optional<std::chrono::milliseconds> asked_wait;
};

Attempt read(const std::string& action, http::Response response) {
  Attempt attempt;
  if (response.ok()) {
    if (is_answer_to(action, response.body)) {
      attempt.answer = std::move(response.body);
      return attempt;
    }
    attempt.failure = {
        {Errc::unavailable, "EC2 gave an answer to " + action + " that cannot be read", {}}, {}, false, true};
    attempt.remedy = Remedy::wait;
    return attempt;
  }
  auto said = parse_error(response.body);
  if (!said) said = ServiceError{"HTTP status " + std::to_string(response.status), {}, {}};
  const Meaning meaning = meaning_of(response.status, said->code);
  attempt.failure.error = {meaning.errc, sentence(*said), {}};
  attempt.failure.name = said->code;
  attempt.failure.name_in_use = is_device_name_in_use(*said);
  // An error of the server says nothing about what it has done before it.
  attempt.failure.maybe_done =
      response.status >= 500 && said->code.find("Throttl") == std::string::npos && said->code != "RequestLimitExceeded";
  attempt.remedy = meaning.remedy;
  attempt.asked_wait = http::retry_after(response, std::chrono::system_clock::now());
  return attempt;
}

/// Errors that a wrong clock brings, too.
bool may_be_the_clock(std::string_view code) {
  return code == "AuthFailure" || code == "RequestExpired" || code == "SignatureDoesNotMatch";
}

}  // namespace

Ec2::Ec2(http::Client& client, CredentialChain& credentials, std::string endpoint, std::string region,
         std::chrono::milliseconds patience)
    : client_(client),
      credentials_(credentials),
      endpoint_(std::move(endpoint)),
      region_(std::move(region)),
      patience_{kAttempts, patience / 2, patience} {}

http::Request Ec2::request_of(const std::string& action, const Parameters& parameters) const {
  http::Request request;
  request.method = "POST";
  // What changes something is not silently sent twice: the answer to the second would look like somebody else's doing.
  request.repeatable = action.starts_with("Describe");
  request.url = endpoint_ + "/";
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = "Action=" + action + "&Version=" + kVersion;
  for (const auto& [name, value] : parameters) {
    request.body += "&" + name + "=";
    append_encoded(request.body, value);
  }
  return request;
}

Ec2Error Ec2::unanswered(const http::Error& error) const {
  return {{Errc::unavailable,
           "EC2 does not answer: " + error.message + "; check the way to it (route, firewall, proxy, endpoint)",
           {}},
          {},
          false,
          error.maybe_received};
}

void Ec2::correct_clock(const http::Response& response) {
  const auto theirs = http::date_of(response);
  if (theirs) skew_ = std::chrono::round<std::chrono::seconds>(*theirs - std::chrono::system_clock::now());
}

boost::asio::awaitable<Ec2Result<std::string>> Ec2::call(std::string action, Parameters parameters, Patience patience) {
  const http::RetryPolicy policy{.attempts = patience.attempts, .base = kFirstWait};
  http::Retry retry(policy, budget_, std::chrono::steady_clock::now() + patience.all_attempts);
  bool renewed = false;
  bool maybe_done = false;
  for (;;) {
    const auto credentials = co_await credentials_.get();
    if (!credentials) co_return Ec2Error{credentials.error(), {}, false, maybe_done};
    http::Request request = request_of(action, parameters);
    const auto skew = skew_;
    sign(request, *credentials.value(), {region_, "ec2", std::chrono::system_clock::now() + skew});
    http::Limits limits;
    limits.total = patience.one_attempt;
    auto response = co_await client_.send(std::move(request), limits);
    Attempt attempt;
    if (response) {
      if (!response.value().ok()) correct_clock(response.value());
      attempt = read(action, std::move(response).value());
    } else {
      attempt.failure = unanswered(response.error());
      attempt.remedy = http::may_pass(response.error()) ? Remedy::wait : Remedy::none;
    }
    if (attempt.answer) {
      budget_.give_back();
      co_return *std::move(attempt.answer);
    }
    maybe_done = maybe_done || attempt.failure.maybe_done;
    attempt.failure.maybe_done = maybe_done;
    const bool clock_was_wrong = may_be_the_clock(attempt.failure.name) && std::chrono::abs(skew_ - skew) > kTolerance;
    const bool expired = attempt.remedy == Remedy::new_credentials && !clock_was_wrong;
    if ((clock_was_wrong || expired) && !renewed) {
      renewed = true;  // once, for either reason
      if (expired) credentials_.refused(*credentials.value());
      continue;
    }
    if (attempt.remedy != Remedy::wait) co_return std::move(attempt.failure);
    const auto wait = retry.next(std::chrono::steady_clock::now(), http::chance(), attempt.asked_wait);
    if (!wait) co_return std::move(attempt.failure);
    co_await http::pause(*wait);
  }
}

boost::asio::awaitable<Ec2Result<std::vector<VolumeAnswer>>> Ec2::describe_volumes(VolumeFilter filter) {
  std::vector<VolumeAnswer> all;
  for (std::size_t first = 0; first < filter.values.size(); first += kPerFilter) {
    Parameters question{{"Filter.1.Name", filter.name}, {"MaxResults", std::to_string(kPerPage)}};
    for (std::size_t i = first; i < std::min(first + kPerFilter, filter.values.size()); ++i)
      question.emplace_back("Filter.1.Value." + std::to_string(i - first + 1), literally(filter.values[i]));
    std::string token;
    for (std::size_t page = 0;; ++page) {
      Parameters parameters = question;
      if (!token.empty()) parameters.emplace_back("NextToken", token);
      const auto answer = co_await call("DescribeVolumes", std::move(parameters), patience_);
      if (!answer) co_return answer.error();
      auto volumes = parse_volumes(answer.value());
      if (!volumes || page >= kPages)
        co_return Ec2Error{
            {Errc::unavailable, "EC2 gave an answer to DescribeVolumes that cannot be read", {}}, {}, false, false};
      for (VolumeAnswer& volume : volumes->volumes) all.push_back(std::move(volume));
      token = std::move(volumes->next_token);
      if (token.empty()) break;
    }
  }
  co_return all;
}

boost::asio::awaitable<std::map<std::string, std::string>> Ec2::instance_states(std::vector<std::string> instances) {
  Parameters parameters{{"Filter.1.Name", "instance-id"}};
  for (std::size_t i = 0; i < std::min(instances.size(), kPerFilter); ++i)
    parameters.emplace_back("Filter.1.Value." + std::to_string(i + 1), literally(instances[i]));
  const Patience curious{1, kCurious, kCurious};
  const auto answer = co_await call("DescribeInstances", std::move(parameters), curious);
  std::map<std::string, std::string> states;
  if (answer) states = parse_instance_states(answer.value());
  co_return states;
}

boost::asio::awaitable<Ec2Result<void>> Ec2::attach_volume(std::string volume, std::string instance,
                                                           std::string device) {
  Parameters parameters{
      {"VolumeId", std::move(volume)}, {"InstanceId", std::move(instance)}, {"Device", std::move(device)}};
  const auto answer = co_await call("AttachVolume", std::move(parameters), patience_);
  if (!answer) co_return answer.error();
  co_return boost::outcome_v2::success();
}

boost::asio::awaitable<Ec2Result<void>> Ec2::detach_volume(std::string volume, std::string instance) {
  Parameters parameters{{"VolumeId", std::move(volume)}, {"InstanceId", std::move(instance)}};
  const auto answer = co_await call("DetachVolume", std::move(parameters), patience_);
  if (!answer) co_return answer.error();
  co_return boost::outcome_v2::success();
}

}  // namespace mooring::backends::aws
