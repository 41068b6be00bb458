#include "backends/identify.h"

#include <chrono>
#include <climits>
#include <memory>
#include <utility>

#include <unistd.h>

#include <boost/asio/this_coro.hpp>

#include "backends/clouds.h"
#include "backends/hints.h"
#include "backends/metadata.h"
#include "backends/task_group.h"

namespace mooring::backends {
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kHinted{5000};
constexpr std::chrono::milliseconds kUnhinted{220};  // of the 300 ms that all of it may take, on a busy machine as well

constexpr std::string_view kConfiguration = "configuration";

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "localhost";
}

Identity local_identity() {
  Identity identity;
  identity.provider = "local";
  identity.region = "local";
  identity.instance_id = host_name();
  identity.source = "no cloud was recognised";
  return identity;
}

std::optional<Hint> hint_of(const IdentitySettings& settings, const Hints& hints) {
  if (settings.provider != "auto") return Hint{settings.provider, std::string(kConfiguration)};
  for (const Cloud& cloud : clouds()) {
    if (cloud.seen == nullptr) continue;
    if (std::string seen = cloud.seen(hints); !seen.empty()) return Hint{std::string(cloud.name), std::move(seen)};
  }
  return std::nullopt;
}

/// The answers of all clouds, and what their questions use. Each question has a share of it.
struct Asked {
  Hints hints;
  std::vector<Metadata> metadata;
  std::vector<std::optional<Identity>> answers;
};

asio::awaitable<void> ask_one_of(std::shared_ptr<Asked> asked, const Cloud& cloud, std::size_t number) {
  auto answer = co_await cloud.ask(asked->metadata[number], asked->hints);
  if (answer) asked->answers[number] = std::move(answer).value();
}

void add_source(Identity& identity, const Metadata& metadata, std::string_view seen) {
  if (!identity.source.empty()) return;
  identity.source = "metadata at " + metadata.base();
  if (!seen.empty()) identity.source += " (" + std::string(seen) + ")";
}

asio::awaitable<Detection> ask_all(IdentitySettings settings, Hints hints, http::Client& client) {
  const auto end = Clock::now() + kUnhinted;
  auto asked = std::make_shared<Asked>();
  asked->hints = std::move(hints);
  std::vector<const Cloud*> likely;
  for (const Cloud& cloud : clouds()) {
    if (cloud.bases.empty()) continue;
    likely.push_back(&cloud);
    auto bases = settings.metadata.empty() ? std::vector{cloud.bases.front()} : settings.metadata;
    asked->metadata.emplace_back(client, std::move(bases), Metadata::Patience{.end = end, .again = false});
  }
  asked->answers.resize(likely.size());
  TaskGroup questions(co_await asio::this_coro::executor);
  for (std::size_t i = 0; i < likely.size(); ++i) questions.start(ask_one_of(asked, *likely[i], i));
  // All of them: the one that answers last may be the one to believe.
  while (questions.running() > 0) co_await questions.wait(questions.ended());
  for (std::size_t i = 0; i < likely.size(); ++i) {
    if (!asked->answers[i]) continue;
    Detection detection{
        .outcome = Detection::Outcome::found, .identity = std::move(*asked->answers[i]), .provider = {}, .problem = {}};
    add_source(detection.identity, asked->metadata[i], {});
    co_return detection;
  }
  co_return Detection{
      .outcome = Detection::Outcome::no_cloud, .identity = local_identity(), .provider = {}, .problem = {}};
}

asio::awaitable<Detection> ask_one(const Cloud& cloud, Hint hint, IdentitySettings settings, Hints hints,
                                   http::Client& client) {
  auto bases = settings.metadata.empty() ? cloud.bases : settings.metadata;
  Metadata metadata(client, std::move(bases), {.end = Clock::now() + kHinted, .again = true});
  auto answer = co_await cloud.ask(metadata, hints);
  Detection detection;
  if (answer) {
    detection.outcome = Detection::Outcome::found;
    detection.identity = std::move(answer).value();
    add_source(detection.identity, metadata, hint.seen);
  } else {
    detection.outcome = Detection::Outcome::unreachable;
    detection.provider = hint.provider;
    detection.problem = std::move(answer).error().message;
  }
  co_return detection;
}

Detection unreachable(std::string provider, std::string problem) {
  return {.outcome = Detection::Outcome::unreachable,
          .identity = {},
          .provider = std::move(provider),
          .problem = std::move(problem)};
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

}  // namespace

const std::vector<std::string>& known_providers() {
  static const std::vector<std::string> kProviders = [] {
    std::vector<std::string> names = {"auto", "local"};
    for (const Cloud& cloud : clouds()) names.emplace_back(cloud.name);
    return names;
  }();
  return kProviders;
}

std::optional<Identity> configured(const IdentitySettings& settings) {
  const bool local = settings.provider == "local";
  const Cloud* cloud = find_cloud(settings.provider);
  if (!local && cloud == nullptr) return std::nullopt;
  if (!local && settings.region.empty()) return std::nullopt;
  // Where nobody can be asked, the host's name is as good an id as there is.
  if (!local && cloud->ask != nullptr && settings.instance_id.empty()) return std::nullopt;
  Identity identity = local_identity();
  identity.provider = settings.provider;
  identity.source = std::string(kConfiguration);
  if (!settings.region.empty()) identity.region = settings.region;
  if (!settings.instance_id.empty()) identity.instance_id = settings.instance_id;
  identity.zone = settings.zone;
  if (cloud != nullptr && cloud->follow_region != nullptr) cloud->follow_region(identity);
  if (cloud != nullptr && cloud->follow_hints != nullptr)
    cloud->follow_hints(identity, read_hints(settings.hints_root, {}));
  return identity;
}

Identity overridden(Identity detected, const IdentitySettings& settings) {
  Identity identity = std::move(detected);
  std::string changed;
  const auto override = [&changed](std::string& value, const std::string& wanted, const char* name) {
    if (wanted.empty() || wanted == value) return false;
    value = wanted;
    changed += (changed.empty() ? "" : ", ") + std::string(name);
    return true;
  };
  if (settings.provider != "auto") override(identity.provider, settings.provider, "provider");
  if (override(identity.region, settings.region, "region")) {
    // A zone is one of its region.
    identity.zone.clear();
    identity.zone_id.clear();
    const Cloud* cloud = find_cloud(identity.provider);
    if (cloud != nullptr && cloud->follow_region != nullptr) cloud->follow_region(identity);
  }
  if (override(identity.zone, settings.zone, "zone")) identity.zone_id.clear();
  override(identity.instance_id, settings.instance_id, "instance id");
  if (!changed.empty()) identity.source += "; " + changed + " of the configuration";
  return identity;
}

std::optional<Hint> hinted(const IdentitySettings& settings, const Environment& environment) {
  if (settings.provider != "auto") return Hint{settings.provider, std::string(kConfiguration)};
  return hint_of(settings, read_hints(settings.hints_root, environment));
}

asio::awaitable<Detection> detect(IdentitySettings settings, Environment environment, http::Client& client) {
  if (auto identity = configured(settings))
    co_return Detection{
        .outcome = Detection::Outcome::found, .identity = std::move(*identity), .provider = {}, .problem = {}};
  Hints hints = read_hints(settings.hints_root, std::move(environment));
  auto hint = hint_of(settings, hints);
  if (!hint) co_return co_await ask_all(std::move(settings), std::move(hints), client);
  const Cloud* cloud = find_cloud(hint->provider);
  if (cloud == nullptr)
    co_return unreachable(hint->provider, "it is not one that this build knows: " + list_of(known_providers()));
  if (cloud->ask == nullptr)
    co_return unreachable(hint->provider, "it does not tell an instance where it is: set identity.region");
  co_return co_await ask_one(*cloud, std::move(*hint), std::move(settings), std::move(hints), client);
}

}  // namespace mooring::backends
