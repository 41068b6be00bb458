// The real machine: every call runs on a pool of workers.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "agent/act/node.h"
#include "mount/device_events.h"

namespace mooring::agent::act {

class HostNode final : public Node {
 public:
  /// Listens to device events from now on. What waits for a disk runs on `slow`, so that disks that hang stop nothing
  /// but each other; the rest on `quick`. Both pools must outlive this.
  HostNode(boost::asio::any_io_executor executor, boost::asio::thread_pool& slow, boost::asio::thread_pool& quick,
           mount::DeviceEvents events);
  ~HostNode() override;

  Answer<mount::Device> find_disk(mount::DiskLook look) override;
  Answer<mount::Content> probe(mount::DiskLook look, mount::Device disk) override;
  Answer<mount::FileSystem> format(mount::DiskLook look, mount::Device disk, std::string type,
                                   std::stop_token stop) override;
  Answer<std::string> check(mount::DiskLook look, mount::Device device, mount::FileSystem filesystem,
                            std::stop_token stop) override;
  Answer<std::optional<mount::MountEntry>> look_at_stage(std::string root, std::string name) override;
  Answer<mount::MountEntry> stage(mount::StageRequest request) override;
  Answer<void> unstage(std::string root, std::string name, mount::Device device, bool force) override;
  Answer<void> allow_writes(mount::Device device) override;
  Answer<bool> still_mounted_somewhere(mount::Device device) override;
  Answer<std::vector<mount::User>> find_users(mount::Device device, std::string target) override;
  Answer<mount::Growth> grow(mount::MountEntry mounted) override;
  Answer<mount::Usage> usage(std::string target) override;
  Answer<mount::PreparedPath> look_at_host_path(std::string path) override;
  Answer<mount::PreparedPath> prepare_host_path(std::string path) override;
  Answer<void> bind(std::string source, std::string path, bool read_only) override;
  Answer<void> unbind(std::string source, std::string path, mount::PreparedPath prepared, bool force) override;
  Answer<void> ensure_instance_path(std::string path) override;
  Signal& devices_changed() override { return changed_; }

 private:
  void listen();

  boost::asio::thread_pool& slow_;
  boost::asio::thread_pool& quick_;
  mount::DeviceEvents events_;
  boost::asio::posix::stream_descriptor descriptor_;
  Signal changed_;
};

}  // namespace mooring::agent::act
