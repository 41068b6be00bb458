// Plain values that go to a provider and come back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mooring::backends {

/// What a provider has to know of a volume in order to find and attach it. A discovered one has only a name.
struct Volume {
  std::string name;
  std::string region;
  std::string zone;
  std::string zone_id;  // where the provider has such a thing, and says so
  std::string volume_id;
  std::uint64_t size = 0;  // bytes; 0: not known
  bool read_only = false;  // attach it so that nobody can write
  bool defined = false;    // a definition covers it: a backend that can create volumes may do so
  bool shared = false;     // several instances may have it attached at the same time
  std::map<std::string, std::string> parameters;
  bool operator==(const Volume&) const = default;
};

/// How the storage will look to the node once it is attached; `mount` finds it by this.
struct Look {
  struct File {
    std::uint64_t device = 0;  // stat(2): st_dev
    std::uint64_t inode = 0;
    bool operator==(const File&) const = default;
  };
  std::string serial;                // that the device itself will report; empty: none
  std::vector<std::string> links;    // names below /dev/disk/by-id, or whole paths; only hints
  std::optional<File> backing_file;  // of a loop device
  std::uint64_t size = 0;            // bytes, at least
  bool operator==(const Look&) const = default;
};

/// Arriving, leaving: the provider has taken the request to attach it here, or to detach it, and is still at it.
enum class Attachment { detached, arriving, here, leaving, elsewhere };

struct Description {
  Volume volume;  // completed with what the provider knows: volume_id, region, zone, size
  Attachment attachment = Attachment::detached;
  std::string holder;           // the instance that has it: of a shared volume also when it is here or detached
  std::string holder_state;     // "running", "stopped", …; empty: not known
  std::optional<Look> look;     // always, when it is attached here; else where it can be told beforehand
  bool blank = false;           // it is not there yet: an attach would make it, blank
  std::optional<double> price;  // USD per GB and month
};

struct Attached {
  Look look;
  Attachment attachment = Attachment::here;  // or arriving
  bool already = false;                      // it was attached here before this call: somebody else's work
};

}  // namespace mooring::backends
