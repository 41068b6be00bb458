// What cannot be observed, on disk (rule 18): the goals, which candidate was chosen for each mount, and what is our
// doing. What can be observed (attachments, devices, mounts) is never written here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

#include "backends/identity.h"
#include "backends/volume.h"

namespace mooring::agent::state {

struct Error {
  std::string message;
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

/// Who owns a task, so that the process can be told from a later one with its number.
struct OwnerRecord {
  std::int64_t pid = 0;          // 0: none
  std::uint64_t start_time = 0;  // proc(5), /proc/pid/stat field 22
  std::string boot_id;
};

/// Kept: it has been ready, so what it has stays when an attempt fails. Of a task that is only wanted, all or nothing:
/// what an attempt that was killed has left is undone should the next one fail.
enum class TaskPhase { wanted, releasing, failed, kept };

struct TaskRecord {
  std::string id;
  std::string goal;  // JSON, as goal::to_json writes it
  TaskPhase phase = TaskPhase::wanted;
  std::string outcome;       // JSON: of a failed task, what its record shows
  std::int64_t created = 0;  // milliseconds since 1970
  OwnerRecord owner;
};

/// The volume that was chosen for a mount.
struct ChoiceRecord {
  std::string task;
  std::string path;
  std::string volume;
};

struct VolumeRecord {
  std::string name;
  std::string backend;
  backends::Volume volume;
  bool read_only = false;            // how it is mounted, and
  std::vector<std::string> options;  // with what
  bool attached_by_us = false;
  bool write_protected = false;  // the device is, or was to be, made read-only by us
  backends::Look look;
  bool look_known = false;
};

/// A bind at a path of the host, for the host's own mounts.
struct BindRecord {
  std::string task;
  std::string path;
  std::string source;
  bool made = false;    // the directory is ours
  bool marked = false;  // its mark (immutable) is ours
};

/// Where this is, and so under which id attachments are made.
struct InstanceRecord {
  std::string id;
  std::string boot_id;          // of the boot in which it was found out
  backends::Identity identity;  // as it was detected; no provider: it was not, the configuration says it
  bool operator==(const InstanceRecord&) const = default;
};

struct ForgetTask {
  std::string id;
};  // with its choices
struct ForgetChoice {
  std::string task, path;
};
struct ForgetVolume {
  std::string name;
};
struct ForgetBind {
  std::string task, path;
};

using Change = std::variant<TaskRecord, ChoiceRecord, VolumeRecord, BindRecord, InstanceRecord, ForgetTask,
                            ForgetChoice, ForgetVolume, ForgetBind>;

struct Snapshot {
  InstanceRecord instance;  // its id empty: never written
  std::vector<TaskRecord> tasks;
  std::vector<ChoiceRecord> choices;
  std::vector<VolumeRecord> volumes;
  std::vector<BindRecord> binds;
};

/// An SQLite database in WAL mode with synchronous=FULL: a commit is one fsync. All calls block; one at a time.
class Ledger {
 public:
  /// Opens or makes <directory>/ledger.db, and takes the directory's lock: one `moord` per state directory.
  /// Errors: the lock is taken, the schema is of a later version, the file is damaged, the system refuses.
  static Result<Ledger> open(const std::string& directory);

  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  Result<Snapshot> load();

  /// All changes, in their order, or none; on disk when it returns.
  Result<void> commit(const std::vector<Change>& changes);

 private:
  struct Database;
  explicit Ledger(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace mooring::agent::state
