#include "backends/aws/ec2_errors.h"

#include <algorithm>
#include <array>
#include <utility>

#include "backends/aws/quote.h"

namespace mooring::backends::aws {
namespace {

constexpr std::array<std::pair<std::string_view, Meaning>, 41> kMeanings{{
    {"VolumeInUse", {Errc::in_use, Remedy::none}},
    {"InvalidVolume.ZoneMismatch", {Errc::wrong_zone, Remedy::none}},
    {"InvalidVolume.NotFound", {Errc::not_found, Remedy::none}},
    {"InvalidVolumeID.Malformed", {Errc::not_found, Remedy::none}},
    {"InvalidVolumeID.Duplicate", {Errc::not_found, Remedy::none}},
    {"InvalidParameterValue", {Errc::attach_failed, Remedy::none}},
    {"InvalidInstanceID.NotFound", {Errc::attach_failed, Remedy::none}},
    {"InvalidInstanceID.Malformed", {Errc::attach_failed, Remedy::none}},
    {"AttachmentLimitExceeded", {Errc::no_slot, Remedy::none}},
    {"IncorrectState", {Errc::not_ready, Remedy::none}},
    {"IncorrectInstanceState", {Errc::not_ready, Remedy::none}},
    {"IncorrectStateException", {Errc::not_ready, Remedy::none}},
    {"InvalidState", {Errc::not_ready, Remedy::none}},
    {"EncryptedVolumesNotSupported", {Errc::attach_failed, Remedy::none}},
    {"UnsupportedOperation", {Errc::attach_failed, Remedy::none}},
    {"OperationNotPermitted", {Errc::denied, Remedy::none}},
    {"UnauthorizedOperation", {Errc::denied, Remedy::none}},
    {"AccessDenied", {Errc::denied, Remedy::none}},
    {"AccessDeniedException", {Errc::denied, Remedy::none}},
    {"AuthFailure", {Errc::denied, Remedy::none}},
    {"Blocked", {Errc::denied, Remedy::none}},
    {"InvalidClientTokenId", {Errc::denied, Remedy::none}},
    {"MissingAuthenticationToken", {Errc::denied, Remedy::none}},
    {"OptInRequired", {Errc::denied, Remedy::none}},
    {"PendingVerification", {Errc::denied, Remedy::none}},
    {"SignatureDoesNotMatch", {Errc::denied, Remedy::none}},
    {"UnrecognizedClientException", {Errc::denied, Remedy::none}},
    {"ExpiredToken", {Errc::denied, Remedy::new_credentials}},
    {"ExpiredTokenException", {Errc::denied, Remedy::new_credentials}},
    {"RequestExpired", {Errc::denied, Remedy::new_credentials}},
    {"TokenRefreshRequired", {Errc::denied, Remedy::new_credentials}},
    {"RequestLimitExceeded", {Errc::unavailable, Remedy::wait}},
    {"Throttling", {Errc::unavailable, Remedy::wait}},
    {"ThrottlingException", {Errc::unavailable, Remedy::wait}},
    {"RequestThrottled", {Errc::unavailable, Remedy::wait}},
    {"SnapshotCreationPerVolumeRateExceeded", {Errc::unavailable, Remedy::wait}},
    {"InternalError", {Errc::unavailable, Remedy::wait}},
    {"InternalFailure", {Errc::unavailable, Remedy::wait}},
    {"ServiceUnavailable", {Errc::unavailable, Remedy::wait}},
    {"Unavailable", {Errc::unavailable, Remedy::wait}},
    {"EC2ThrottledException", {Errc::unavailable, Remedy::wait}},
}};

constexpr unsigned kServerError = 500;
constexpr unsigned kTooManyRequests = 429;

}  // namespace

Meaning meaning_of(unsigned status, std::string_view code) {
  const auto* known = std::ranges::find(kMeanings, code, [](const auto& one) { return one.first; });
  if (known != kMeanings.end()) return known->second;
  if (status >= kServerError || status == kTooManyRequests) return {Errc::unavailable, Remedy::wait};
  if (status == 401 || status == 403) return {Errc::denied, Remedy::none};
  return {};
}

bool is_device_name_in_use(const ServiceError& error) {
  return error.code == "InvalidParameterValue" && error.message.find("already in use") != std::string::npos;
}

std::string sentence(const ServiceError& error) {
  // These quote the request that was signed, its security token included.
  if (error.code == "SignatureDoesNotMatch")
    return "EC2 does not accept the signature (SignatureDoesNotMatch): the secret access key is not the right one, or "
           "the "
           "clock of this instance is wrong";
  std::string said = error.message.substr(0, error.message.find("Encoded authorization failure message"));
  while (said.ends_with(' ')) said.pop_back();
  std::string text = "EC2 says " + (error.code.empty() ? "no" : quote(error.code, {}));
  if (!said.empty()) text += ": " + quote(said, {});
  if (!error.request_id.empty()) text += " (request " + quote(error.request_id, {}) + ")";
  if (error.code == "UnauthorizedOperation" || error.code == "AccessDenied")
    text += "; the role or key has to allow ec2:DescribeVolumes, ec2:AttachVolume and ec2:DetachVolume";
  return text;
}

}  // namespace mooring::backends::aws
