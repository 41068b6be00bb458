// The host's own mounts: what is staged is bound at a path of the host.
#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "agent/act/task.h"

namespace mooring::agent::act {

using decide::Failure;
using decide::Verdict;

namespace {

mount::PreparedPath prepared_by(const state::BindRecord& bind) { return {bind.made, bind.marked}; }

}  // namespace

boost::asio::awaitable<std::optional<Failure>> Task::bind(MountRun& mount, std::string source) {
  const std::string& path = mount.plan.mount.path;
  const bool read_only = mount.plan.mount.read_only;
  // Of the candidate before this one, which could not be had after all.
  if (mount.bound) old_binds_.push_back(*std::exchange(mount.bound, std::nullopt));
  const auto old = std::ranges::find(old_binds_, path, &state::BindRecord::path);
  if (old != old_binds_.end()) {
    // Of an earlier run: it stands, or, after a reboot, is made again; or another volume was there.
    mount.bound = *old;
    old_binds_.erase(old);
    if (mount.bound->source == source) {
      const auto bound = co_await services_.node.bind(source, path, read_only);
      if (bound) co_return std::nullopt;
    }
    const auto undone = co_await services_.node.unbind(mount.bound->source, path, prepared_by(*mount.bound), false);
    if (!undone) co_return Failure{Verdict::mount_failed, undone.error().message};
  }
  // Written down first: whether the directory and its mark are ours can't be seen afterwards (rule 18).
  const auto before = co_await services_.node.look_at_host_path(path);
  if (!before) co_return decide::failure_of(before.error());
  mount.bound = state::BindRecord{id_, path, source, before.value().made, before.value().marked};
  write(*mount.bound);
  const auto written = co_await services_.ledger.flush(ticket_);
  if (!written) co_return Failure{Verdict::mount_failed, written.error().message};
  const auto prepared = co_await services_.node.prepare_host_path(path);
  if (prepared) {
    const auto bound = co_await services_.node.bind(source, path, read_only);
    if (bound) co_return std::nullopt;
    co_return Failure{Verdict::mount_failed, bound.error().message};
  }
  // The directory was refused as it is: nothing of it is ours.
  write(state::ForgetBind{id_, path});
  mount.bound.reset();
  co_return Failure{Verdict::mount_failed, prepared.error().message};
}

boost::asio::awaitable<bool> Task::unbind_all(bool standing_too) {
  bool all = true;
  std::vector<state::BindRecord> binds;
  for (state::BindRecord& bind : std::exchange(old_binds_, {})) {
    const auto mount = std::ranges::find(mounts_, bind.path, [](const MountRun& m) { return m.plan.mount.path; });
    const bool stands = !standing_too && mount != mounts_.end() && mount->stood;
    (stands ? old_binds_ : binds).push_back(std::move(bind));
  }
  for (MountRun& mount : mounts_)
    if (mount.bound && (standing_too || !mount.stood)) binds.push_back(*std::exchange(mount.bound, std::nullopt));
  for (const state::BindRecord& bind : binds) {
    const bool undone = co_await unbind(bind);
    all = all && undone;
  }
  co_return all;
}

boost::asio::awaitable<bool> Task::unbind(const state::BindRecord& bind) {
  const auto undone = co_await services_.node.unbind(bind.source, bind.path, prepared_by(bind), force_);
  if (undone) {
    write(state::ForgetBind{bind.task, bind.path});
    co_return true;
  }
  if (problem_ != undone.error().message) spdlog::warn("task={} path={} {}", id_, bind.path, undone.error().message);
  problem_ = undone.error().message;
  old_binds_.push_back(bind);
  co_return false;
}

/// Nothing is wanted at its path any more, or what is wanted there could not be had, and this is not it.
bool Task::is_abandoned(const state::BindRecord& bind) const {
  const auto mount = std::ranges::find(mounts_, bind.path, [](const MountRun& m) { return m.plan.mount.path; });
  if (mount == mounts_.end()) return true;
  const bool is_over = mount->state != MountState::waiting && mount->state != MountState::preparing;
  return is_over && !mount->stood && !mount->had;
}

bool Task::has_abandoned_binds() const {
  return std::ranges::any_of(old_binds_, [this](const state::BindRecord& bind) { return is_abandoned(bind); });
}

/// Of an earlier configuration: nothing is wanted at these paths any more.
Task::Done Task::unbind_abandoned() {
  const std::vector<state::BindRecord> binds = std::exchange(old_binds_, {});
  for (const state::BindRecord& bind : binds) {
    if (is_abandoned(bind))
      co_await unbind(bind);
    else
      old_binds_.push_back(bind);
  }
  if (!has_abandoned_binds()) problem_.clear();
}

}  // namespace mooring::agent::act
