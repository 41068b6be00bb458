// The agent, wired as in moord.cpp, on a machine and with a provider of which every call succeeds at once: what is
// fuzzed is what a client can say. Volumes whose name begins with "missing" are not found.
#pragma once

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "agent/act/tasks.h"
#include "agent/serve/routes.h"
#include "agent/serve/server.h"
#include "backends/backend.h"

namespace mooring::fuzz {

using Attached = std::set<std::string>;  // by serial, which is the volume's name

class Provider final : public backends::Backend {
 public:
  explicit Provider(Attached& attached) : attached_(attached) {}
  [[nodiscard]] std::string_view name() const override { return "local"; }

  boost::asio::awaitable<std::vector<backends::Result<backends::Description>>> describe(
      std::vector<backends::Volume> volumes) override {
    std::vector<backends::Result<backends::Description>> answers;
    for (backends::Volume& volume : volumes) {
      if (volume.name.starts_with("missing")) {
        answers.emplace_back(backends::Error{backends::Errc::not_found, "there is no such volume", {}});
        continue;
      }
      backends::Description description;
      if (attached_.contains(volume.name)) {
        description.attachment = backends::Attachment::here;
        description.look = {.serial = volume.name};
      }
      description.volume = std::move(volume);
      answers.emplace_back(std::move(description));
    }
    co_return answers;
  }
  boost::asio::awaitable<backends::Result<backends::Attached>> attach(backends::Volume volume) override {
    attached_.insert(volume.name);
    co_return backends::Attached{{.serial = volume.name}};
  }
  boost::asio::awaitable<backends::Result<backends::Attachment>> detach(backends::Volume volume, bool) override {
    attached_.erase(volume.name);
    co_return backends::Attachment::detached;
  }

 private:
  Attached& attached_;
};

class Node final : public agent::act::Node {
 public:
  Node(const boost::asio::any_io_executor& executor, const Attached& attached)
      : attached_(attached), changed_(executor) {}

  Answer<mount::Device> find_disk(mount::DiskLook look) override {
    if (!attached_.contains(look.serial)) co_return mount::Error{mount::Errc::not_found, "there is no such disk", 0};
    co_return device(look.serial);
  }
  Answer<mount::Content> probe(mount::DiskLook, mount::Device disk) override {
    co_return mount::Content{mount::FileSystem{"ext4", "1"}, std::move(disk)};
  }
  Answer<mount::FileSystem> format(mount::DiskLook, mount::Device, std::string, std::stop_token) override {
    std::abort();  // nothing here is blank
  }
  Answer<std::string> check(mount::DiskLook, mount::Device, mount::FileSystem, std::stop_token) override {
    co_return std::string();
  }
  Answer<std::optional<mount::MountEntry>> look_at_stage(std::string root, std::string name) override {
    const auto found = staged_.find(root + "/" + name);
    if (found == staged_.end()) co_return std::optional<mount::MountEntry>();
    co_return std::optional<mount::MountEntry>(found->second);
  }
  Answer<mount::MountEntry> stage(mount::StageRequest request) override {
    const std::string target = request.root + "/" + request.name;
    mount::MountEntry entry;
    entry.target = target;
    entry.source = request.device.path;
    entry.fs = "ext4";
    entry.major = request.device.major;
    entry.minor = request.device.minor;
    entry.read_only = request.read_only;
    staged_[target] = entry;
    co_return entry;
  }
  Answer<void> unstage(std::string root, std::string name, mount::Device, bool) override {
    staged_.erase(root + "/" + name);
    co_return done();
  }
  Answer<void> allow_writes(mount::Device) override { co_return done(); }
  Answer<bool> still_mounted_somewhere(mount::Device) override { co_return false; }
  Answer<std::vector<mount::User>> find_users(mount::Device, std::string) override {
    co_return std::vector<mount::User>();
  }
  Answer<mount::Growth> grow(mount::MountEntry) override { co_return mount::Growth{}; }
  Answer<mount::Usage> usage(std::string) override { co_return mount::Usage{1U << 20U, 1U << 10U}; }
  Answer<mount::PreparedPath> look_at_host_path(std::string) override { co_return mount::PreparedPath{}; }
  Answer<mount::PreparedPath> prepare_host_path(std::string) override { co_return mount::PreparedPath{}; }
  Answer<void> bind(std::string, std::string, bool) override { co_return done(); }
  Answer<void> unbind(std::string, std::string, mount::PreparedPath, bool) override { co_return done(); }
  Answer<void> ensure_instance_path(std::string) override { co_return done(); }
  agent::act::Signal& devices_changed() override { return changed_; }

 private:
  static mount::Result<void> done() { return boost::outcome_v2::success(); }
  mount::Device device(const std::string& serial) {
    const auto number = numbers_.emplace(serial, numbers_.size()).first->second;
    return {
        "/dev/fuzz" + std::to_string(number), 240, static_cast<std::uint32_t>(number), 1U << 30U, false, number + 1};
  }

  const Attached& attached_;
  agent::act::Signal changed_;
  std::map<std::string, mount::MountEntry> staged_;
  std::map<std::string, std::size_t> numbers_;
};

class Agent {
 public:
  Agent() {
    backends::Identity identity;
    identity.provider = "local";
    identity.region = "local";
    backends::Registry registry;
    registry["local"] = std::make_unique<Provider>(attached_);
    here_.settle(std::move(identity), std::move(registry), {});
    tasks_.restore({}, {});
  }

  boost::asio::io_context& context() { return context_; }
  agent::serve::Server& server() { return server_; }
  agent::serve::Api& api() { return api_; }

 private:
  boost::asio::io_context context_{1};
  // It goes on after having had nothing to do.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  Attached attached_;
  Node node_{context_.get_executor(), attached_};
  agent::act::LedgerWriter writer_{context_.get_executor(), context_.get_executor(),
                                   [](const std::vector<agent::state::Change>&) -> agent::state::Result<void> {
                                     return boost::outcome_v2::success();
                                   }};
  agent::state::Events events_{1};
  agent::act::Here here_{context_.get_executor()};
  agent::act::Services services_{context_.get_executor(),
                                 here_,
                                 {.mount_root = "/mnt/disks/mooring",
                                  .definitions_directory = "/nonexistent",
                                  .own_directories = {"/mnt/disks/mooring"},
                                  .attach_timeout = std::chrono::seconds(90),
                                  .device_timeout = std::chrono::seconds(30),
                                  .task_timeout = std::chrono::seconds(300)},
                                 node_,
                                 writer_,
                                 events_};
  agent::act::Planner planner_{services_, context_.get_executor()};
  agent::act::Volumes volumes_{services_};
  agent::act::Task::World world_{services_, planner_, volumes_};
  agent::act::Tasks tasks_{world_};
  agent::serve::EventStream stream_{context_.get_executor(), events_};
  agent::serve::Api api_{world_, tasks_, stream_};
  agent::serve::Server server_{context_.get_executor(),
                               [this](agent::serve::Request request) { return api_.answer(std::move(request)); }};
};

}  // namespace mooring::fuzz
