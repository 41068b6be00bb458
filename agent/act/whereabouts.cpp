#include "agent/act/whereabouts.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "agent/act/locator.h"
#include "agent/act/process_watch.h"
#include "backends/http/fetch.h"

namespace mooring::agent::act {
namespace {

constexpr std::chrono::seconds kAskAgain{5};

}  // namespace

Whereabouts::Whereabouts(backends::IdentitySettings settings, backends::BackendSettings backends,
                         backends::Surroundings surroundings, const state::Snapshot& snapshot)
    : settings_(std::move(settings)),
      backends_(std::move(backends)),
      surroundings_(surroundings),
      former_{snapshot.instance.id, snapshot.instance.boot_id, snapshot.instance.identity},
      has_volumes_(!snapshot.volumes.empty()),
      has_anything_(has_volumes_ || !snapshot.tasks.empty() || !snapshot.binds.empty()),
      boot_id_(boot_id()) {}

Whereabouts::Outcome Whereabouts::settle_at_start(Here& here, LedgerWriter& ledger) {
  if (const auto configured = backends::configured(settings_))
    return settle(here, ledger, *configured, Clock::duration::zero());
  const auto hint = backends::hinted(settings_, surroundings_.environment);
  if (auto identity = decide::remembered(former_, boot_id_, hint ? hint->provider : ""))
    return settle(here, ledger, *identity, Clock::duration::zero());
  here.lacks("where this instance is, is not known yet: asking the metadata of " +
             (hint ? hint->provider : std::string("all likely clouds")));
  return Outcome::unknown;
}

boost::asio::awaitable<Whereabouts::Outcome> Whereabouts::find_out(Here& here, LedgerWriter& ledger,
                                                                   std::function<void()> still_unknown) {
  const auto began = Clock::now();
  auto identity = co_await locate(settings_, surroundings_.environment, surroundings_.client, here, still_unknown);
  // A cloud that was there is not gone because nothing hints at it and its metadata keeps silent.
  const std::string& was = former_.identity.provider;
  while (identity.provider == "local" && has_anything_ && !was.empty() && was != "local") {
    here.lacks("where this instance is, is not known yet: no cloud answers, but the ledger is of an instance of " +
               was + " (is it no longer one? Set identity.provider)");
    still_unknown();
    co_await backends::http::pause(kAskAgain);
    identity = co_await locate(settings_, surroundings_.environment, surroundings_.client, here, still_unknown);
  }
  co_return settle(here, ledger, identity, Clock::now() - began);
}

Whereabouts::Outcome Whereabouts::settle(Here& here, LedgerWriter& ledger, const backends::Identity& detected,
                                         Clock::duration took) {
  auto identity = backends::overridden(detected, settings_);
  // A machine without a cloud is known by its host name at first, and keeps that id if it is renamed.
  const bool was_local = former_.identity.provider.empty() || former_.identity.provider == "local";
  const bool keeps_id = identity.provider == "local" && was_local && settings_.instance_id.empty();
  if (keeps_id && !former_.id.empty()) identity.instance_id = former_.id;
  switch (decide::whose(former_, identity, boot_id_, !settings_.instance_id.empty())) {
    case decide::Belongs::here:
      break;
    case decide::Belongs::to_another_id:
      if (!has_volumes_) break;
      problem_ = "volumes are attached here as instance '" + former_.id + "', but this is instance '" +
                 identity.instance_id +
                 "' by the configuration (identity.instance_id): set it back, release them, then change it";
      return Outcome::refused;
    case decide::Belongs::to_another_instance:
      if (!has_anything_) break;
      problem_ = "the ledger is of instance '" + former_.id + "', this is '" + identity.instance_id +
                 "': it came with the image; what is in it is dropped, nothing of it is about this instance";
      return Outcome::other_ledger;
  }
  if (former_.id != identity.instance_id || former_.boot_id != boot_id_ || former_.identity != detected)
    write_down(ledger, {identity.instance_id, boot_id_, detected});
  auto registry = backends::make_backends(backends_, identity, surroundings_);
  spdlog::info("this is {} {}{}{}, instance {} ({}), found out in {:.3f} s", identity.provider, identity.region,
               identity.zone.empty() ? "" : ", zone ", identity.zone, identity.instance_id, identity.source,
               seconds(took));
  here.settle(std::move(identity), std::move(registry), took);
  return Outcome::settled;
}

void Whereabouts::write_down(LedgerWriter& ledger, state::InstanceRecord record) {
  const bool cloud = !record.identity.provider.empty() && record.identity.provider != "local";
  const auto ticket = ledger.add(std::move(record));
  // A start later in this boot is to know it even if the metadata does not answer then. Otherwise there is time until
  // the first attachment is written down.
  if (cloud) ledger.begin_flush(ticket);
}

std::vector<state::Change> forget_all(const state::Snapshot& snapshot, const std::set<std::string>& but) {
  std::vector<state::Change> changes;
  for (const auto& task : snapshot.tasks)
    if (!but.contains(task.id)) changes.emplace_back(state::ForgetTask{task.id});
  for (const auto& choice : snapshot.choices) changes.emplace_back(state::ForgetChoice{choice.task, choice.path});
  for (const auto& volume : snapshot.volumes) changes.emplace_back(state::ForgetVolume{volume.name});
  for (const auto& bind : snapshot.binds) changes.emplace_back(state::ForgetBind{bind.task, bind.path});
  changes.emplace_back(state::InstanceRecord{});  // or what has been asked for since would be dropped, too
  return changes;
}

}  // namespace mooring::agent::act
