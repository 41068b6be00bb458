#include "backends/aws/aws_backend.h"

#include <chrono>
#include <utility>

#include <sys/stat.h>

#include "backends/aws/description.h"
#include "backends/aws/endpoint.h"
#include "backends/clouds.h"
#include "backends/http/fetch.h"

namespace mooring::backends::aws {
namespace {

using Clock = std::chrono::steady_clock;

std::string attribute(const Identity& identity, std::string_view name) {
  const auto found = identity.attributes.find(std::string(name));
  return found == identity.attributes.end() ? "" : found->second;
}

std::string endpoint_of(const AwsSettings& settings, const Environment& environment, const Identity& identity) {
  if (!settings.endpoint.empty()) return settings.endpoint;
  if (std::string endpoint = endpoint_in(environment, "EC2"); !endpoint.empty()) return endpoint;
  // A region that cannot be one has no endpoint: every request then fails, and says so.
  return service_endpoint("ec2", identity.region, attribute(identity, "dns_suffix")).value_or("");
}

std::vector<std::string> bases_or_default(std::vector<std::string> bases) {
  return bases.empty() ? find_cloud("aws")->bases : bases;
}

/// Nobody can say whether it was attached before the answer got lost.
Error refused(Ec2Error refusal) {
  refusal.error.maybe_done = refusal.maybe_done;
  if (refusal.maybe_done) refusal.error.code = Errc::unavailable;
  return std::move(refusal.error);
}

Result<std::string> id_of(const Volume& volume) {
  if (is_volume_id(volume.volume_id)) return volume.volume_id;
  return Error{Errc::not_found, "volume_id '" + volume.volume_id + "' is not the id of an EBS volume (vol-0123…)", {}};
}

}  // namespace

AwsBackend::AwsBackend(AwsSettings settings, std::vector<std::string> metadata, const Identity& identity,
                       boost::asio::any_io_executor executor, http::Client& client, const Environment& environment,
                       boost::asio::thread_pool& pool)
    : settings_(std::move(settings)),
      here_(identity),
      metadata_(client, bases_or_default(std::move(metadata))),
      imds_(metadata_),
      credentials_(client, imds_, environment,
                   {.region = identity.region,
                    .dns_suffix = attribute(identity, "dns_suffix"),
                    .sts_endpoint = {},
                    .profile = settings_.profile},
                   pool),
      ec2_(client, credentials_, endpoint_of(settings_, environment, identity), identity.region, settings_.patience),
      lookup_(std::move(executor), ec2_, settings_.discover_tag) {}

/// Where the disk is a loop device instead of what EBS plugs in. This is all that differs: everything above the look,
/// and everything that checks a disk against it, is as with real ones.
void AwsBackend::stand_in(const std::string& id, Look& look) const {
  if (settings_.stand_in.empty()) return;
  struct stat status {};
  const auto size = look.size;
  look = {};
  look.size = size;
  look.backing_file = Look::File{};  // matches nothing, should there be no such image
  if (stat((settings_.stand_in + "/" + id + ".img").c_str(), &status) == 0)
    look.backing_file = Look::File{status.st_dev, status.st_ino};
}

Result<Description> AwsBackend::answer_for(Volume volume, const FoundVolumes& found) const {
  VolumeAnswer answer;
  if (!volume.volume_id.empty()) {
    BOOST_OUTCOME_TRY(const std::string id, id_of(volume));
    const auto one = found.by_id.find(id);
    if (one == found.by_id.end()) return Error{Errc::not_found, "there is no volume " + id + " in " + here_.region, {}};
    answer = one->second;
  } else {
    const auto all = found.by_name.find(volume.name);
    static const std::vector<VolumeAnswer> kNone;
    BOOST_OUTCOME_TRY(answer, pick(volume.name, all == found.by_name.end() ? kNone : all->second, here_));
  }
  BOOST_OUTCOME_TRY(Description description, aws::describe(std::move(volume), answer, here_));
  if (description.look) stand_in(answer.id, *description.look);
  return description;
}

boost::asio::awaitable<std::vector<Result<Description>>> AwsBackend::describe(std::vector<Volume> volumes) {
  std::set<std::string> ids;
  std::set<std::string> names;
  for (const Volume& volume : volumes) {
    if (volume.volume_id.empty())
      names.insert(volume.name);
    else if (is_volume_id(volume.volume_id))
      ids.insert(volume.volume_id);
  }
  const auto found = co_await lookup_.find(std::move(ids), std::move(names));
  std::vector<Result<Description>> answers;
  answers.reserve(volumes.size());
  std::set<std::string> holders;
  for (Volume& volume : volumes) {
    if (found)
      answers.push_back(answer_for(std::move(volume), *found.value()));
    else
      answers.emplace_back(found.error().error);
    const auto& answer = answers.back();
    if (answer && answer.value().attachment == Attachment::elsewhere) holders.insert(answer.value().holder);
  }
  if (holders.empty()) co_return answers;
  // Rule 20.
  std::vector<std::string> instances(holders.begin(), holders.end());
  auto states = co_await ec2_.instance_states(std::move(instances));
  for (auto& answer : answers)
    if (answer && answer.value().attachment == Attachment::elsewhere)
      answer.value().holder_state = states[answer.value().holder];
  co_return answers;
}

Attached AwsBackend::attached(const std::string& id, std::uint64_t size, const std::string& device) const {
  Attached attached;
  attached.attachment = Attachment::arriving;
  attached.look = look_of(id, size, device, here_).value_or(Look{});
  stand_in(id, attached.look);
  return attached;
}

/// What EC2 has in the mapping of this instance, known after the first collision of names.
boost::asio::awaitable<void> AwsBackend::learn_names() {
  VolumeFilter filter{"attachment.instance-id", {here_.instance_id}};
  const auto volumes = co_await ec2_.describe_volumes(std::move(filter));
  if (!volumes) co_return;  // then the names are tried one after the other
  for (const VolumeAnswer& volume : volumes.value())
    if (const auto* ours = attachment_here(volume, here_)) names_.learn(volume.id, ours->device);
}

boost::asio::awaitable<Result<Attached>> AwsBackend::attach(Volume volume) {
  const auto id = id_of(volume);
  if (!id) co_return id.error();
  constexpr int kCollisions = 8;
  bool maybe_done = false;
  for (int collisions = 0; collisions < kCollisions; ++collisions) {
    const auto device = names_.reserve(id.value(), Clock::now());
    if (!device) co_return Error{Errc::no_slot, "no device name is left for it", {}};
    auto done = co_await ec2_.attach_volume(id.value(), here_.instance_id, *device);
    if (done) co_return attached(id.value(), volume.size, *device);
    maybe_done = maybe_done || done.error().maybe_done;
    if (done.error().name_in_use) {
      // With an attempt before that had no answer, it may be this very volume that has the name.
      if (maybe_done) {
        done.error().maybe_done = true;
        co_return co_await settle_in_use(id.value(), volume.size, std::move(done).error());
      }
      names_.avoid(*device, Clock::now());
      if (collisions == 0) co_await learn_names();
      continue;
    }
    names_.release(id.value(), false, Clock::now());
    if (done.error().error.code == Errc::in_use)
      co_return co_await settle_in_use(id.value(), volume.size, std::move(done).error());
    done.error().maybe_done = maybe_done;
    co_return refused(std::move(done).error());
  }
  co_return Error{Errc::attach_failed, "every device name that was tried is in use on this instance", {}};
}

/// EC2 says that somebody has it. That may be this instance: by an attempt whose answer was lost, or by somebody else's
/// doing. Its lists may be older than its answers, so what is not in them yet is asked for again.
boost::asio::awaitable<Result<Attached>> AwsBackend::settle_in_use(std::string id, std::uint64_t size,
                                                                   Ec2Error refusal) {
  constexpr std::chrono::milliseconds kFirstWait{250};
  constexpr int kTries = 5;
  for (int tried = 0; tried < kTries; ++tried) {
    if (tried > 0) co_await http::pause(kFirstWait * (1 << tried));
    VolumeFilter filter{"volume-id", {id}};
    const auto volumes = co_await ec2_.describe_volumes(std::move(filter));
    if (!volumes) break;
    if (volumes.value().empty()) continue;
    const auto description = aws::describe({}, volumes.value().front(), here_);
    if (!description) co_return description.error();
    const auto* ours = attachment_here(volumes.value().front(), here_);
    if (ours != nullptr && description.value().attachment == Attachment::leaving)
      co_return Error{Errc::not_ready, id + " is still being detached from this instance", {}};
    if (ours != nullptr) {
      names_.learn(id, ours->device);
      Attached result = attached(id, size, ours->device);
      result.attachment = description.value().attachment;
      result.already = !refusal.maybe_done;
      co_return result;
    }
    if (description.value().attachment == Attachment::elsewhere)
      co_return Error{Errc::in_use, "attached to instance " + description.value().holder, description.value().holder};
    if (!refusal.maybe_done) break;  // who has it is not in the lists yet
  }
  co_return refused(std::move(refusal));
}

boost::asio::awaitable<Result<Attachment>> AwsBackend::detach(Volume volume, bool stuck) {
  const auto id = id_of(volume);
  if (!id) co_return Attachment::detached;  // what cannot be attached is not
  const auto done = co_await ec2_.detach_volume(id.value(), here_.instance_id);
  if (done) {
    names_.release(id.value(), stuck, Clock::now());
    co_return Attachment::leaving;
  }
  const std::string& why = done.error().name;
  if (why == "InvalidVolume.NotFound" || why == "InvalidAttachment.NotFound") {
    names_.release(id.value(), stuck, Clock::now());
    co_return Attachment::detached;
  }
  if (why != "IncorrectState") {
    // "Not ready" would be a device that is busy here, which is worth asking again at once.
    Error error = done.error().error;
    if (error.code == Errc::not_ready) error.code = Errc::unavailable;
    co_return error;
  }
  // Available already; or an earlier request is being worked on.
  VolumeFilter filter{"volume-id", {id.value()}};
  const auto volumes = co_await ec2_.describe_volumes(std::move(filter));
  if (!volumes) co_return volumes.error().error;
  const bool here = !volumes.value().empty() && attachment_here(volumes.value().front(), here_) != nullptr;
  if (here) co_return Attachment::leaving;
  names_.release(id.value(), stuck, Clock::now());
  co_return Attachment::detached;
}

}  // namespace mooring::backends::aws
