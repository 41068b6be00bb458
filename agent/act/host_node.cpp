#include "agent/act/host_node.h"

#include <utility>

#include "backends/offload.h"
#include "failpoint/failpoint.h"

namespace mooring::agent::act {

namespace blocking = mount::blocking;
using backends::offload;

HostNode::HostNode(boost::asio::any_io_executor executor, boost::asio::thread_pool& slow,
                   boost::asio::thread_pool& quick, mount::DeviceEvents events)
    : slow_(slow),
      quick_(quick),
      events_(std::move(events)),
      descriptor_(executor, events_.descriptor()),
      changed_(executor) {
  listen();
}

HostNode::~HostNode() { descriptor_.release(); }  // the descriptor is the monitor's

void HostNode::listen() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    if (events_.drain()) changed_.notify();
    listen();
  });
}

Node::Answer<mount::Device> HostNode::find_disk(mount::DiskLook look) {
  auto job = [look = std::move(look)]() noexcept {
    MOORING_FAILPOINT_STEP("device");
    return blocking::find_disk(look);
  };
  return offload(quick_, std::move(job));
}

Node::Answer<mount::Content> HostNode::probe(mount::DiskLook look, mount::Device disk) {
  auto job = [look = std::move(look), disk = std::move(disk)]() noexcept { return blocking::probe(look, disk); };
  return offload(slow_, std::move(job));
}

Node::Answer<mount::FileSystem> HostNode::format(mount::DiskLook look, mount::Device disk, std::string type,
                                                 std::stop_token stop) {
  auto job = [look = std::move(look), disk = std::move(disk), type = std::move(type),
              stop = std::move(stop)]() noexcept {
    MOORING_FAILPOINT_STEP("format");
    return blocking::format(look, disk, type, stop);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<std::string> HostNode::check(mount::DiskLook look, mount::Device device, mount::FileSystem filesystem,
                                          std::stop_token stop) {
  auto job = [look = std::move(look), device = std::move(device), filesystem = std::move(filesystem),
              stop = std::move(stop)]() noexcept {
    MOORING_FAILPOINT_STEP("check");
    return blocking::check(look, device, filesystem, stop);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<std::optional<mount::MountEntry>> HostNode::look_at_stage(std::string root, std::string name) {
  auto job = [root = std::move(root), name = std::move(name)]() noexcept {
    return blocking::look_at_stage(root, name);
  };
  return offload(quick_, std::move(job));
}

Node::Answer<mount::MountEntry> HostNode::stage(mount::StageRequest request) {
  auto job = [request = std::move(request)]() noexcept {
    MOORING_FAILPOINT_STEP("mount");
    return blocking::stage(request);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<void> HostNode::unstage(std::string root, std::string name, mount::Device device, bool force) {
  auto job = [root = std::move(root), name = std::move(name), device = std::move(device), force]() noexcept {
    MOORING_FAILPOINT_STEP("unmount");
    return blocking::unstage(root, name, device, force);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<void> HostNode::allow_writes(mount::Device device) {
  auto job = [device = std::move(device)]() noexcept {
    MOORING_FAILPOINT_STEP("allow_writes");
    return blocking::allow_writes(device);
  };
  return offload(quick_, std::move(job));
}

Node::Answer<bool> HostNode::still_mounted_somewhere(mount::Device device) {
  auto job = [device = std::move(device)]() noexcept { return blocking::still_mounted_somewhere(device); };
  return offload(slow_, std::move(job));
}

Node::Answer<std::vector<mount::User>> HostNode::find_users(mount::Device device, std::string target) {
  auto job = [device = std::move(device), target = std::move(target)]() noexcept {
    return blocking::find_users(device, target);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<mount::Growth> HostNode::grow(mount::MountEntry mounted) {
  auto job = [mounted = std::move(mounted)]() noexcept {
    MOORING_FAILPOINT_STEP("grow");
    return blocking::grow(mounted);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<mount::Usage> HostNode::usage(std::string target) {
  auto job = [target = std::move(target)]() noexcept { return blocking::usage(target); };
  return offload(slow_, std::move(job));
}

Node::Answer<mount::PreparedPath> HostNode::look_at_host_path(std::string path) {
  auto job = [path = std::move(path)]() noexcept { return blocking::look_at_host_path(path); };
  return offload(quick_, std::move(job));
}

Node::Answer<mount::PreparedPath> HostNode::prepare_host_path(std::string path) {
  auto job = [path = std::move(path)]() noexcept {
    MOORING_FAILPOINT_STEP("host_path");
    return blocking::prepare_host_path(path);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<void> HostNode::bind(std::string source, std::string path, bool read_only) {
  auto job = [source = std::move(source), path = std::move(path), read_only]() noexcept {
    MOORING_FAILPOINT_STEP("bind");
    return blocking::bind(source, path, read_only);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<void> HostNode::unbind(std::string source, std::string path, mount::PreparedPath prepared, bool force) {
  auto job = [source = std::move(source), path = std::move(path), prepared, force]() noexcept {
    MOORING_FAILPOINT_STEP("unbind");
    return blocking::unbind(source, path, prepared, force);
  };
  return offload(slow_, std::move(job));
}

Node::Answer<void> HostNode::ensure_instance_path(std::string path) {
  auto job = [path = std::move(path)]() noexcept {
    MOORING_FAILPOINT_STEP("instance_path");
    return blocking::ensure_instance_path(path);
  };
  return offload(quick_, std::move(job));
}

}  // namespace mooring::agent::act
