// The machine as one run of moord has it: what is called takes its time, and may fail.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/act/node.h"
#include "machine.h"

namespace mooring::sim {

class SimNode final : public agent::act::Node {
 public:
  SimNode(const boost::asio::any_io_executor& executor, Machine& machine);
  ~SimNode() override;

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
  agent::act::Signal& devices_changed() override { return changed_; }

 private:
  /// Time passes; moord may be killed in it.
  boost::asio::awaitable<void> takes(Duration least, Duration most);
  bool fails() { return world_.fails(world_.faults.machine); }
  [[nodiscard]] mount::Error system(const std::string& what) const;
  [[nodiscard]] const Disk* confirmed(const mount::DiskLook& look, const mount::Device& device) const;

  World& world_;
  Machine& machine_;
  agent::act::Signal changed_;
};

}  // namespace mooring::sim
