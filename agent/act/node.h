// This machine, as the agent sees it: the calls of mount/host.h, each as a coroutine on the agent's thread.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "agent/act/signal.h"
#include "mount/host.h"

namespace mooring::agent::act {

class Node {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<mount::Result<T>>;

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  virtual Answer<mount::Device> find_disk(mount::DiskLook look) = 0;
  virtual Answer<mount::Content> probe(mount::DiskLook look, mount::Device disk) = 0;
  virtual Answer<mount::FileSystem> format(mount::DiskLook look, mount::Device disk, std::string type,
                                           std::stop_token stop) = 0;
  virtual Answer<std::string> check(mount::DiskLook look, mount::Device device, mount::FileSystem filesystem,
                                    std::stop_token stop) = 0;
  virtual Answer<std::optional<mount::MountEntry>> look_at_stage(std::string root, std::string name) = 0;
  virtual Answer<mount::MountEntry> stage(mount::StageRequest request) = 0;
  virtual Answer<void> unstage(std::string root, std::string name, mount::Device device, bool force) = 0;
  virtual Answer<void> allow_writes(mount::Device device) = 0;
  virtual Answer<bool> still_mounted_somewhere(mount::Device device) = 0;
  virtual Answer<std::vector<mount::User>> find_users(mount::Device device, std::string target) = 0;
  virtual Answer<mount::Growth> grow(mount::MountEntry mounted) = 0;
  virtual Answer<mount::Usage> usage(std::string target) = 0;
  virtual Answer<mount::PreparedPath> look_at_host_path(std::string path) = 0;
  virtual Answer<mount::PreparedPath> prepare_host_path(std::string path) = 0;
  virtual Answer<void> bind(std::string source, std::string path, bool read_only) = 0;
  virtual Answer<void> unbind(std::string source, std::string path, mount::PreparedPath prepared, bool force) = 0;
  virtual Answer<void> ensure_instance_path(std::string path) = 0;

  /// A block device came, went or changed; or nothing did: whoever waits for it looks again.
  virtual Signal& devices_changed() = 0;
};

}  // namespace mooring::agent::act
