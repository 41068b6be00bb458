// The agent's configuration, /etc/mooring/moord.yaml.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/goal/document.h"
#include "agent/goal/task_goal.h"

namespace mooring::agent::goal {

struct Config {
  struct {
    std::string provider = "auto";
    std::string region;
    std::string zone;
    std::string instance_id;
    std::string hints_root = "/";       // below which DMI and the like are read
    std::vector<std::string> metadata;  // addresses of the metadata service; empty: the provider's own
  } identity;
  struct {
    std::string socket = "/run/mooring/moord.sock";
  } api;
  std::vector<Mount> volumes;  // task `host`
  std::string definitions = "/etc/mooring/volumes.d";
  std::string mount_root = "/mnt/disks/mooring";
  std::string state_dir = "/var/lib/mooring";
  struct {
    std::chrono::milliseconds attach = std::chrono::seconds(90);
    std::chrono::milliseconds device = std::chrono::seconds(30);
    std::chrono::milliseconds task = std::chrono::minutes(5);
  } timeouts;
  struct {
    std::string local_directory = "/var/lib/mooring/local";
    struct {
      std::string endpoint;  // of EC2; empty: the region's
      std::string discover_tag = "Name";
      std::string profile;   // of the shared configuration; empty: AWS_PROFILE, or "default"
      std::string stand_in;  // a directory of disk images: for what looks like EC2 and plugs in no disks
    } aws;
  } backends;
  struct {
    std::string level = "info";   // trace, debug, info, warning, error
    std::string format = "text";  // text, json
  } log;
};

/// Every key is optional; an unknown one is an error. An empty file is the default configuration.
Config read_config(const std::vector<Node>& documents, Diagnostics& diagnostics);

}  // namespace mooring::agent::goal
