// moord.yaml.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/goal/config.h"

namespace mooring::agent::goal {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Read {
  Config config;
  std::vector<std::string> errors;
};

Read read(std::string_view text) {
  Diagnostics diagnostics("moord.yaml");
  const auto documents = parse(text, Format::yaml, diagnostics);
  Read read;
  read.config = read_config(documents, diagnostics);
  for (const Diagnostic& one : diagnostics.all()) read.errors.push_back(to_string(one));
  return read;
}

void expect_defaults(const Config& config) {
  EXPECT_EQ(config.identity.provider, "auto");
  EXPECT_EQ(config.identity.region, "");
  EXPECT_EQ(config.api.socket, "/run/mooring/moord.sock");
  EXPECT_THAT(config.volumes, IsEmpty());
  EXPECT_EQ(config.definitions, "/etc/mooring/volumes.d");
  EXPECT_EQ(config.mount_root, "/mnt/disks/mooring");
  EXPECT_EQ(config.state_dir, "/var/lib/mooring");
  EXPECT_EQ(config.timeouts.attach, 90s);
  EXPECT_EQ(config.timeouts.device, 30s);
  EXPECT_EQ(config.timeouts.task, 5min);
  EXPECT_EQ(config.backends.local_directory, "/var/lib/mooring/local");
  EXPECT_EQ(config.log.level, "info");
  EXPECT_EQ(config.log.format, "text");
}

TEST(Config, an_empty_file_is_the_defaults) {
  for (const std::string_view text : {"", "# nothing\n", "---\n", "{}\n"}) {
    const Read result = read(text);
    EXPECT_THAT(result.errors, IsEmpty()) << text;
    expect_defaults(result.config);
  }
}

TEST(Config, a_section_with_every_line_commented_out_is_the_defaults) {
  const Read result = read(
      "identity:\n  # provider: local\napi:\nvolumes:\ndefinitions:\nmount_root:\nstate_dir:\n"
      "timeouts:\n  attach:\nbackends:\n  local:\n    # directory: /x\nlog:\n  level:\n");
  EXPECT_THAT(result.errors, IsEmpty());
  expect_defaults(result.config);
}

TEST(Config, the_defaults_written_out_as_in_the_design_are_the_defaults) {
  const Read result = read(
      "identity:\n  provider: auto            # or aws, gcp\n"
      "api:\n  socket: /run/mooring/moord.sock\nvolumes: []\ndefinitions: /etc/mooring/volumes.d\n"
      "mount_root: /mnt/disks/mooring\nstate_dir: /var/lib/mooring\ntimeouts: {attach: 90s, device: 30s, task: 5m}\n"
      "backends:\n  local: {directory: /var/lib/mooring/local}\nlog: {level: info, format: text}\n");
  EXPECT_THAT(result.errors, IsEmpty());
  expect_defaults(result.config);
}

TEST(Config, every_key_is_read) {
  const Read result = read(
      "identity: {provider: local, region: r1, zone: 1, instance_id: i-1, hints_root: /h/,\n"
      "  metadata: [http://127.0.0.1:1/, 'http://[::1]:1']}\napi: {socket: /run/x//s.sock}\n"
      "volumes: [a:/srv/a]\ndefinitions: /d/\nmount_root: /data//mooring/\nstate_dir: /s/./t\n"
      "timeouts: {attach: 1s, device: 250ms, task: 1h}\nbackends: {local: {directory: /l},\n"
      "  aws: {endpoint: 'http://127.0.0.1:2', discover_tag: mooring, profile: p, stand_in: /i}}\n"
      "log: {level: debug, format: json}\n");
  EXPECT_THAT(result.errors, IsEmpty());
  const Config& config = result.config;
  EXPECT_EQ(config.identity.provider, "local");
  EXPECT_EQ(config.identity.region, "r1");
  EXPECT_EQ(config.identity.zone, "1");
  EXPECT_EQ(config.identity.instance_id, "i-1");
  EXPECT_EQ(config.api.socket, "/run/x/s.sock");
  EXPECT_THAT(config.volumes, SizeIs(1));
  EXPECT_EQ(config.definitions, "/d");
  EXPECT_EQ(config.mount_root, "/data/mooring");
  EXPECT_EQ(config.state_dir, "/s/t");
  EXPECT_EQ(config.timeouts.attach, 1s);
  EXPECT_EQ(config.timeouts.device, 250ms);
  EXPECT_EQ(config.timeouts.task, 1h);
  EXPECT_EQ(config.identity.hints_root, "/h");
  EXPECT_EQ(config.identity.metadata, (std::vector<std::string>{"http://127.0.0.1:1", "http://[::1]:1"}));
  EXPECT_EQ(config.backends.local_directory, "/l");
  EXPECT_EQ(config.backends.aws.endpoint, "http://127.0.0.1:2");
  EXPECT_EQ(config.backends.aws.discover_tag, "mooring");
  EXPECT_EQ(config.backends.aws.profile, "p");
  EXPECT_EQ(config.backends.aws.stand_in, "/i");
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.log.format, "json");
}

struct Mistake {
  std::string yaml;
  std::vector<std::string> errors;
};

class ConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, is_told) { EXPECT_EQ(read(GetParam().yaml).errors, GetParam().errors); }

INSTANTIATE_TEST_SUITE_P(
    Config, ConfigMistake,
    testing::Values(
        Mistake{"- a\n", {"moord.yaml:1:1: the configuration must be a mapping, not a list"}},
        Mistake{"{}\n---\n{}\n", {"moord.yaml:3:1: a second document; only one is wanted here"}},
        Mistake{"mount_rot: /x\n",
                {"moord.yaml:1:1: unknown key 'mount_rot' in the configuration; did you mean 'mount_root'?"}},
        Mistake{
            "identity: {provider: nimbus}\n",
            {"moord.yaml:1:22: provider 'nimbus' is not in this build, which has auto, local, aws, azure, "
             "digitalocean, gcp, hetzner, lambda, linode, nebius, oci, openstack, runpod, scaleway, vast and vultr"}},
        Mistake{"identity: {metadata: 169.254.169.254}\n",
                {"moord.yaml:1:22: 'metadata' must be an address such as http://127.0.0.1:5000, without a user or "
                 "a query"}},
        Mistake{"backends: {aws: {endpoint: 'https://user:pass@ec2', discover_tags: x}}\n",
                {"moord.yaml:1:28: 'endpoint' must be an address such as http://127.0.0.1:5000, without a user or "
                 "a query",
                 "moord.yaml:1:53: unknown key 'discover_tags' in 'aws'; did you mean 'discover_tag'?"}},
        Mistake{"identity: {regoin: x}\n",
                {"moord.yaml:1:12: unknown key 'regoin' in 'identity'; did you mean 'region'?"}},
        Mistake{"identity: local\n", {"moord.yaml:1:11: 'identity' must be a mapping, not a single value"}},
        Mistake{"api: {socket: moord.sock}\n",
                {"moord.yaml:1:15: 'socket' 'moord.sock' is not absolute: it must begin with '/'"}},
        Mistake{"api: {socket: /" + std::string(107, 'a') + "}\n",
                {"moord.yaml:1:15: 'socket' is too long: a unix socket's path has at most 107 bytes"}},
        Mistake{"state_dir: /a/../b\n",
                {"moord.yaml:1:12: 'state_dir' '/a/../b' has '..' in it: write where it leads"}},
        Mistake{"definitions: []\n", {"moord.yaml:1:14: 'definitions' must be a string, not a list"}},
        Mistake{"timeouts: {attach: 0s, device: 30, tsk: 5m}\n",
                {"moord.yaml:1:20: 'attach' must be more than 0",
                 "moord.yaml:1:32: 'device' must be a duration such as 90s, 5m, 250ms or 1h, at most a year, not '30'",
                 "moord.yaml:1:36: unknown key 'tsk' in 'timeouts'; did you mean 'task'?"}},
        Mistake{"backends: {awss: {}}\n", {"moord.yaml:1:12: unknown key 'awss' in 'backends'; did you mean 'aws'?"}},
        Mistake{"backends: {local: {dir: /x}}\n",
                {"moord.yaml:1:20: unknown key 'dir' in 'local'; known keys: directory"}},
        Mistake{"log: {level: loud, format: xml}\n",
                {"moord.yaml:1:14: 'level' must be trace, debug, info, warning or error, not 'loud'",
                 "moord.yaml:1:28: 'format' must be text or json, not 'xml'"}},
        Mistake{
            "volumes: [a:/p, 'a:/q']\n",
            {"moord.yaml:1:17: 'a' is named twice, here and at 1:11: one volume can be mounted only once in a task"}}));

TEST(Config, mount_root_is_not_a_directory_of_the_system) {
  for (const std::string root :
       {"/",       "/usr", "/usr/share/x", "/etc", "/etc/x", "/proc/1",  "/sys",  "/dev/shm", "/boot", "/bin",
        "/sbin/x", "/lib", "/lib64/x",     "/run", "/var",   "/var/lib", "/home", "/mnt",     "/tmp",  "//usr//"}) {
    EXPECT_THAT(read("mount_root: " + root + "\n").errors, ElementsAre(HasSubstr("'mount_root' must not be '/")))
        << root;
  }
  for (const std::string root :
       {"/run/mooring", "/mnt/x", "/var/lib/mooring/mnt", "/data", "/library", "/usrdata", "/home/m/x"}) {
    EXPECT_THAT(read("mount_root: " + root + "\n").errors, IsEmpty()) << root;
  }
}

}  // namespace
}  // namespace mooring::agent::goal
