#include "agent/goal/config.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/goal/readers.h"
#include "agent/goal/words.h"

namespace mooring::agent::goal {
namespace {

using std::string_view;

/// As backends::known_providers() has them, which a test compares.
const std::vector<string_view> kProviders{"auto",    "local",    "aws",    "azure",  "digitalocean", "gcp",
                                          "hetzner", "lambda",   "linode", "nebius", "oci",          "openstack",
                                          "runpod",  "scaleway", "vast",   "vultr"};

/// Nothing may be mounted below these, nor over them.
constexpr std::array<string_view, 13> kSystemTrees{"/proc", "/sys", "/dev",   "/usr",   "/etc",    "/boot",   "/bin",
                                                   "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec"};
/// These have others' folders in them: only a folder of our own below is ours to fill.
constexpr std::array<string_view, 13> kSharedFolders{"/",        "/run",     "/var",    "/home", "/root",
                                                     "/tmp",     "/opt",     "/srv",    "/mnt",  "/media",
                                                     "/var/lib", "/var/run", "/var/tmp"};

void read_directory(Fields& fields, string_view key, std::string& directory, Diagnostics& diagnostics) {
  const Node* node = fields.section(key);
  if (node == nullptr) return;
  if (auto path = read_path(*node, in_quotes(key), diagnostics)) directory = std::move(*path);
}

/// The address of a service. What it has in it besides host and path (a user, a query) would end up in logs.
std::optional<std::string> read_address(const Node& node, string_view what, Diagnostics& diagnostics) {
  auto text = read_plain_text(node, what, diagnostics);
  if (!text) return std::nullopt;
  while (text->ends_with('/')) text->pop_back();
  const auto scheme = text->starts_with("http://") ? 7U : text->starts_with("https://") ? 8U : 0U;
  if (scheme != 0 && text->size() > scheme && text->find_first_of("@?# ", scheme) == std::string::npos) return text;
  // Not quoted: it may have a password in it.
  diagnostics.error(node.at,
                    std::string(what) + " must be an address such as http://127.0.0.1:5000, without a user or a query");
  return std::nullopt;
}

std::vector<std::string> read_addresses(const Node& node, string_view what, Diagnostics& diagnostics) {
  std::vector<std::string> addresses;
  const auto add = [&](const Node& one) {
    if (auto address = read_address(one, what, diagnostics)) addresses.push_back(*std::move(address));
  };
  if (node.kind == Node::Kind::sequence) {
    for (const Node& item : node.items) add(item);
  } else {
    add(node);
  }
  return addresses;
}

void read_identity(const Node& node, Config& config, Diagnostics& diagnostics) {
  Fields fields(node, "'identity'", diagnostics);
  if (const Node* provider = fields.section("provider"); provider != nullptr) {
    if (const auto text = read_text(*provider, "'provider'", diagnostics)) {
      if (std::find(kProviders.begin(), kProviders.end(), *text) != kProviders.end()) {
        config.identity.provider = *text;
      } else {
        diagnostics.error(provider->at, "provider " + in_quotes(*text) + " is not in this build, which has " +
                                            enumerate({kProviders.begin(), kProviders.end()}, "and"));
      }
    }
  }
  config.identity.region = plain_text(fields, "region", diagnostics);
  config.identity.zone = plain_text(fields, "zone", diagnostics);
  config.identity.instance_id = plain_text(fields, "instance_id", diagnostics);
  read_directory(fields, "hints_root", config.identity.hints_root, diagnostics);
  if (const Node* metadata = fields.section("metadata"); metadata != nullptr)
    config.identity.metadata = read_addresses(*metadata, "'metadata'", diagnostics);
  fields.finish();
}

void read_api(const Node& node, Config& config, Diagnostics& diagnostics) {
  constexpr std::size_t kLongestSocket = 107;  // bytes; sun_path of unix(7), without its final NUL
  Fields fields(node, "'api'", diagnostics);
  read_directory(fields, "socket", config.api.socket, diagnostics);
  if (config.api.socket.size() > kLongestSocket) {
    diagnostics.error(node.find("socket")->at, "'socket' is too long: a unix socket's path has at most " +
                                                   std::to_string(kLongestSocket) + " bytes");
  }
  fields.finish();
}

void read_timeout(Fields& fields, const Node& node, string_view key, std::chrono::milliseconds& timeout,
                  Diagnostics& diagnostics) {
  if (fields.section(key) == nullptr) return;
  const auto value = fields.duration(key);
  if (value && value->count() == 0) {
    diagnostics.error(node.find(key)->at, in_quotes(key) + " must be more than 0");
  } else if (value) {
    timeout = *value;
  }
}

void read_timeouts(const Node& node, Config& config, Diagnostics& diagnostics) {
  Fields fields(node, "'timeouts'", diagnostics);
  read_timeout(fields, node, "attach", config.timeouts.attach, diagnostics);
  read_timeout(fields, node, "device", config.timeouts.device, diagnostics);
  read_timeout(fields, node, "task", config.timeouts.task, diagnostics);
  fields.finish();
}

void read_aws(const Node& node, Config& config, Diagnostics& diagnostics) {
  Fields fields(node, "'aws'", diagnostics);
  auto& aws = config.backends.aws;
  if (const Node* endpoint = fields.section("endpoint"); endpoint != nullptr)
    aws.endpoint = read_address(*endpoint, "'endpoint'", diagnostics).value_or("");
  if (fields.section("discover_tag") != nullptr) aws.discover_tag = plain_text(fields, "discover_tag", diagnostics);
  aws.profile = plain_text(fields, "profile", diagnostics);
  read_directory(fields, "stand_in", aws.stand_in, diagnostics);
  fields.finish();
}

void read_backends(const Node& node, Config& config, Diagnostics& diagnostics) {
  Fields fields(node, "'backends'", diagnostics);
  if (const Node* local = fields.section("local"); local != nullptr) {
    Fields of_local(*local, "'local'", diagnostics);
    read_directory(of_local, "directory", config.backends.local_directory, diagnostics);
    of_local.finish();
  }
  if (const Node* aws = fields.section("aws"); aws != nullptr) read_aws(*aws, config, diagnostics);
  fields.finish();
}

void read_log(const Node& node, Config& config, Diagnostics& diagnostics) {
  Fields fields(node, "'log'", diagnostics);
  if (fields.section("level") != nullptr) {
    config.log.level =
        fields.one_of("level", {"trace", "debug", "info", "warning", "error"}).value_or(config.log.level);
  }
  if (fields.section("format") != nullptr) {
    config.log.format = fields.one_of("format", {"text", "json"}).value_or(config.log.format);
  }
  fields.finish();
}

bool is_below(string_view path, string_view tree) {
  return path.substr(0, tree.size()) == tree && (path.size() == tree.size() || path[tree.size()] == '/');
}

void check_mount_root(const Node& node, const std::string& root, Diagnostics& diagnostics) {
  const auto in_system = [&root](string_view tree) { return is_below(root, tree); };
  const bool is_shared = std::find(kSharedFolders.begin(), kSharedFolders.end(), root) != kSharedFolders.end();
  if (!is_shared && std::none_of(kSystemTrees.begin(), kSystemTrees.end(), in_system)) return;
  diagnostics.error(node.at, "'mount_root' must not be " + in_quotes(root) +
                                 ", which belongs to the system: choose a directory of its own, such as "
                                 "/mnt/disks/mooring");
}

using SectionReader = void (*)(const Node&, Config&, Diagnostics&);

void read_section(Fields& fields, string_view key, SectionReader read, Config& config, Diagnostics& diagnostics) {
  if (const Node* node = fields.section(key); node != nullptr) read(*node, config, diagnostics);
}

}  // namespace

Config read_config(const std::vector<Node>& documents, Diagnostics& diagnostics) {
  Config config;
  if (documents.empty()) return config;
  const Node* document = only_document(documents, diagnostics);
  if (document == nullptr || document->kind == Node::Kind::null) return config;
  Fields fields(*document, "the configuration", diagnostics);
  read_section(fields, "identity", read_identity, config, diagnostics);
  read_section(fields, "api", read_api, config, diagnostics);
  if (const Node* volumes = fields.section("volumes"); volumes != nullptr) {
    config.volumes = read_mounts(*volumes, {}, diagnostics);
  }
  read_directory(fields, "definitions", config.definitions, diagnostics);
  read_directory(fields, "mount_root", config.mount_root, diagnostics);
  if (const Node* root = fields.section("mount_root"); root != nullptr) {
    check_mount_root(*root, config.mount_root, diagnostics);
  }
  read_directory(fields, "state_dir", config.state_dir, diagnostics);
  read_section(fields, "timeouts", read_timeouts, config, diagnostics);
  read_section(fields, "backends", read_backends, config, diagnostics);
  read_section(fields, "log", read_log, config, diagnostics);
  fields.finish();
  return config;
}

}  // namespace mooring::agent::goal
