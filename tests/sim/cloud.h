// A provider, as those that are known behave: answers late, forgets to answer, lists what was true a moment ago.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/identity.h"
#include "world.h"

namespace mooring::sim {

class Machine;

/// What is on a volume; it goes with it from machine to machine.
struct Data {
  enum class Kind { blank, filesystem, foreign, half_made };
  Kind kind = Kind::blank;
  std::string uuid;
  bool clean = true;
  bool damaged = false;  // beyond what fsck mends unasked
};

struct CloudVolume {
  enum class State { available, attaching, in_use, detaching };
  std::string name;
  std::string id;
  std::string region;
  std::string zone;
  std::uint64_t size = 0;
  double price = 0;
  Data data;
  bool exists = true;
  bool may_be_formatted = false;  // a definition says so
  bool defined = false;           // the tasks' definitions cover it
  State state = State::available;
  std::string holder;    // instance
  bool by_hand = false;  // attached by a person, not by moord
  std::uint64_t change = 0;
  // What the judge has to know of the past.
  std::map<std::string, Moment> last_held;  // by whom, until when at least
  bool was_deleted = false;
  bool was_touched = false;  // by a person, or broken: what becomes of it cannot be foreseen
};

class Cloud {
 public:
  explicit Cloud(World& world) : world_(world) {}

  void add(CloudVolume volume) { volumes_.emplace(volume.name, std::move(volume)); }
  void add(Machine& machine);
  [[nodiscard]] std::map<std::string, CloudVolume>& volumes() { return volumes_; }
  CloudVolume* with_serial(const std::string& serial);

  // What the requests of an instance do, once they have arrived.
  backends::Result<backends::Description> describe(Machine& machine, const backends::Volume& asked);
  backends::Result<backends::Attached> attach(Machine& machine, const backends::Volume& asked, bool by_hand = false);
  backends::Result<backends::Attachment> detach(Machine& machine, const backends::Volume& asked);
  /// A person detaches it, whoever uses it.
  void pull(CloudVolume& volume);
  void remove(CloudVolume& volume);

 private:
  CloudVolume* find(Machine& machine, const backends::Volume& asked);
  void changed(CloudVolume& volume);
  void finish_detach(CloudVolume& volume);

  /// What the lists tell: the truth of a moment ago.
  struct Listed {
    CloudVolume::State state = CloudVolume::State::available;
    std::string holder;
  };

  World& world_;
  std::map<std::string, CloudVolume> volumes_;
  std::map<std::string, Listed> listed_;
  std::map<std::string, Machine*> machines_;
};

/// The provider as one run of moord has it: requests and answers travel, and may be lost.
class CloudBackend final : public backends::Backend {
 public:
  CloudBackend(World& world, Cloud& cloud, Machine& machine) : world_(world), cloud_(cloud), machine_(machine) {}

  [[nodiscard]] std::string_view name() const override { return "sim"; }
  boost::asio::awaitable<std::vector<backends::Result<backends::Description>>> describe(
      std::vector<backends::Volume> volumes) override;
  boost::asio::awaitable<backends::Result<backends::Attached>> attach(backends::Volume volume) override;
  boost::asio::awaitable<backends::Result<backends::Attachment>> detach(backends::Volume volume, bool stuck) override;

 private:
  template <class Answer, class Effect>
  boost::asio::awaitable<Answer> request(std::string what, Effect effect);

  World& world_;
  Cloud& cloud_;
  Machine& machine_;
};

}  // namespace mooring::sim
