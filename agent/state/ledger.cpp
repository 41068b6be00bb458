#include "agent/state/ledger.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "agent/state/sqlite.h"
#include "failpoint/failpoint.h"
#include "trust/trusted_path.h"

namespace mooring::agent::state {
namespace {

namespace json = boost::json;

constexpr int kSchemaVersion = 3;
constexpr const char* kSchema = R"(
CREATE TABLE task (id TEXT PRIMARY KEY, goal TEXT NOT NULL, phase INTEGER NOT NULL, outcome TEXT NOT NULL,
                   created INTEGER NOT NULL, owner_pid INTEGER NOT NULL, owner_start INTEGER NOT NULL, owner_boot TEXT NOT NULL)
                   STRICT, WITHOUT ROWID;
CREATE TABLE choice (task TEXT NOT NULL, path TEXT NOT NULL, volume TEXT NOT NULL, PRIMARY KEY (task, path)) STRICT, WITHOUT ROWID;
CREATE TABLE volume (name TEXT PRIMARY KEY, backend TEXT NOT NULL, volume TEXT NOT NULL, read_only INTEGER NOT NULL,
                     options TEXT NOT NULL, attached_by_us INTEGER NOT NULL, look TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE instance (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, boot TEXT NOT NULL DEFAULT '',
                       identity TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE bind (task TEXT NOT NULL, path TEXT NOT NULL, source TEXT NOT NULL, made INTEGER NOT NULL,
                   marked INTEGER NOT NULL, PRIMARY KEY (task, path)) STRICT, WITHOUT ROWID;
PRAGMA user_version = 3;
)";
/// From version 1, before identities were detected.
constexpr const char* kFromVersion1 = R"(
ALTER TABLE instance ADD COLUMN boot TEXT NOT NULL DEFAULT '';
ALTER TABLE instance ADD COLUMN identity TEXT NOT NULL DEFAULT '';
)";
/// From version 2, which did not say whether a task had been ready: so it may have been.
constexpr const char* kFromVersion2 = R"(
UPDATE task SET phase = 3 WHERE phase = 0;
PRAGMA user_version = 3;
)";

std::string volume_text(const VolumeRecord& record) {
  const backends::Volume& volume = record.volume;
  json::object parameters;
  for (const auto& [key, value] : volume.parameters) parameters[key] = value;
  return json::serialize(json::object{{"region", volume.region},
                                      {"zone", volume.zone},
                                      {"volume_id", volume.volume_id},
                                      {"size", volume.size},
                                      {"read_only", volume.read_only},
                                      {"defined", volume.defined},
                                      {"shared", volume.shared},
                                      {"write_protected", record.write_protected},
                                      {"parameters", std::move(parameters)}});
}

std::string to_text(const backends::Look& look) {
  json::object object{{"serial", look.serial}, {"size", look.size}};
  object["links"] = json::array(look.links.begin(), look.links.end());
  if (look.backing_file)
    object["backing_file"] = {{"device", look.backing_file->device}, {"inode", look.backing_file->inode}};
  return json::serialize(object);
}

std::uint64_t number(const json::value& value) { return value.to_number<std::uint64_t>(); }

backends::Volume volume_from(const std::string& name, const json::value& value) {
  backends::Volume volume;
  volume.name = name;
  volume.region = value.at("region").as_string();
  volume.zone = value.at("zone").as_string();
  volume.volume_id = value.at("volume_id").as_string();
  volume.size = number(value.at("size"));
  volume.read_only = value.at("read_only").as_bool();
  volume.defined = value.at("defined").as_bool();
  if (const auto* shared = value.as_object().if_contains("shared")) volume.shared = shared->as_bool();
  for (const auto& [key, parameter] : value.at("parameters").as_object())
    volume.parameters[key] = std::string(parameter.as_string());
  return volume;
}

backends::Look look_from(const std::string& text) {
  const json::value value = json::parse(text);
  backends::Look look;
  look.serial = value.at("serial").as_string();
  look.size = number(value.at("size"));
  for (const auto& link : value.at("links").as_array()) look.links.emplace_back(link.as_string());
  if (const auto* file = value.as_object().if_contains("backing_file"))
    look.backing_file = {number(file->at("device")), number(file->at("inode"))};
  return look;
}

/// Where each text of an identity is.
constexpr std::array<std::pair<const char*, std::string backends::Identity::*>, 8> kIdentityTexts{
    {{"provider", &backends::Identity::provider},
     {"region", &backends::Identity::region},
     {"zone", &backends::Identity::zone},
     {"zone_id", &backends::Identity::zone_id},
     {"instance_id", &backends::Identity::instance_id},
     {"instance_type", &backends::Identity::instance_type},
     {"account", &backends::Identity::account},
     {"source", &backends::Identity::source}}};

std::string to_text(const backends::Identity& identity) {
  json::object object;
  for (const auto& [key, member] : kIdentityTexts) object[key] = identity.*member;
  json::object attributes;
  for (const auto& [key, value] : identity.attributes) attributes[key] = value;
  object["attributes"] = std::move(attributes);
  return json::serialize(object);
}

backends::Identity identity_from(const std::string& text) {
  backends::Identity identity;
  if (text.empty()) return identity;
  const json::value value = json::parse(text);
  for (const auto& [key, member] : kIdentityTexts) identity.*member = std::string(value.at(key).as_string());
  for (const auto& [key, attribute] : value.at("attributes").as_object())
    identity.attributes[key] = std::string(attribute.as_string());
  return identity;
}

VolumeRecord volume_record(const Statement& row) {
  VolumeRecord record;
  record.name = row.text(0);
  record.backend = row.text(1);
  const json::value volume = json::parse(row.text(2));
  record.volume = volume_from(record.name, volume);
  if (const auto* made = volume.as_object().if_contains("write_protected")) record.write_protected = made->as_bool();
  record.read_only = row.number(3) != 0;
  const json::value options = json::parse(row.text(4));
  for (const auto& option : options.as_array()) record.options.emplace_back(option.as_string());
  record.attached_by_us = row.number(5) != 0;
  record.look_known = !row.text(6).empty();
  if (record.look_known) record.look = look_from(row.text(6));
  return record;
}

struct Apply {
  sqlite3* database;

  bool run(Statement&& statement) const {
    statement.next();
    return statement.ok();
  }
  bool operator()(const TaskRecord& record) const {
    return run(std::move(Statement(database, "REPLACE INTO task VALUES (?,?,?,?,?,?,?,?)")
                             .bind(record.id)
                             .bind(record.goal)
                             .bind(static_cast<std::int64_t>(record.phase))
                             .bind(record.outcome)
                             .bind(record.created)
                             .bind(record.owner.pid)
                             .bind(static_cast<std::int64_t>(record.owner.start_time))
                             .bind(record.owner.boot_id)));
  }
  bool operator()(const ChoiceRecord& record) const {
    return run(std::move(Statement(database, "REPLACE INTO choice VALUES (?,?,?)")
                             .bind(record.task)
                             .bind(record.path)
                             .bind(record.volume)));
  }
  bool operator()(const VolumeRecord& record) const {
    return run(std::move(Statement(database, "REPLACE INTO volume VALUES (?,?,?,?,?,?,?)")
                             .bind(record.name)
                             .bind(record.backend)
                             .bind(volume_text(record))
                             .bind(std::int64_t{record.read_only})
                             .bind(json::serialize(json::array(record.options.begin(), record.options.end())))
                             .bind(std::int64_t{record.attached_by_us})
                             .bind(record.look_known ? to_text(record.look) : "")));
  }
  bool operator()(const BindRecord& record) const {
    return run(std::move(Statement(database, "REPLACE INTO bind VALUES (?,?,?,?,?)")
                             .bind(record.task)
                             .bind(record.path)
                             .bind(record.source)
                             .bind(std::int64_t{record.made})
                             .bind(std::int64_t{record.marked})));
  }
  bool operator()(const InstanceRecord& record) const {
    return run(std::move(Statement(database, "REPLACE INTO instance VALUES (1,?,?,?)")
                             .bind(record.id)
                             .bind(record.boot_id)
                             .bind(record.identity.provider.empty() ? "" : to_text(record.identity))));
  }
  bool operator()(const ForgetTask& task) const {
    return run(std::move(Statement(database, "DELETE FROM choice WHERE task = ?").bind(task.id))) &&
           run(std::move(Statement(database, "DELETE FROM task WHERE id = ?").bind(task.id)));
  }
  bool operator()(const ForgetChoice& choice) const {
    return run(std::move(
        Statement(database, "DELETE FROM choice WHERE task = ? AND path = ?").bind(choice.task).bind(choice.path)));
  }
  bool operator()(const ForgetVolume& volume) const {
    return run(std::move(Statement(database, "DELETE FROM volume WHERE name = ?").bind(volume.name)));
  }
  bool operator()(const ForgetBind& bind) const {
    return run(
        std::move(Statement(database, "DELETE FROM bind WHERE task = ? AND path = ?").bind(bind.task).bind(bind.path)));
  }
};

}  // namespace

struct Ledger::Database {
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    if (lock >= 0) close(lock);
  }

  /// What was tried, what SQLite saw, and what to do.
  [[nodiscard]] Error error(const std::string& what) const;
  [[nodiscard]] Error damaged(const std::string& seen) const {
    return {"the ledger " + path + " is damaged: " + seen +
            "; it is left as it is. Restore it, or move it away to begin anew: what is attached and mounted then stays "
            "until it is released by hand"};
  }
  [[nodiscard]] bool execute(const char* sql) const {
    return sqlite3_exec(sqlite.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  Result<void> take_lock(const std::string& directory);
  Result<void> open(std::string file);
  Result<void> bring_up_to_date();
  Result<void> check();

  int lock = -1;
  std::string path;
  SqliteDatabase sqlite;
};

Error Ledger::Database::error(const std::string& what) const {
  if (!sqlite) return {what + ": out of memory"};
  const std::string seen = sqlite3_errmsg(sqlite.get());
  const int code = sqlite3_errcode(sqlite.get());
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? damaged(seen) : Error{what + ": " + seen};
}

Result<void> Ledger::Database::take_lock(const std::string& directory) {
  const auto made = trust::make_trusted_directory(directory, 0700);
  if (!made) return Error{"cannot use the state directory " + directory + ": " + made.error().message};
  lock = ::openat(made.value().get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return Error{"cannot open " + directory + "/lock: " + std::generic_category().message(errno)};
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) return Error{"another moord is running on the state directory " + directory};
  return boost::outcome_v2::success();
}

Result<void> Ledger::Database::open(std::string file) {
  path = std::move(file);
  // What another user has left there, before the directory was closed to him, is not ours to believe.
  for (const char* const beside : {"", "-wal", "-shm", "-journal"}) {
    const auto left = trust::open_trusted(path + beside, O_RDONLY | O_NOFOLLOW);
    if (!left && left.error().error_number != ENOENT)
      return Error{"cannot open the ledger " + path + ": " + left.error().message};
  }
  // Nobody else reads it, whatever the umask and the mode of a directory that was there before; what SQLite makes
  // beside it has the same mode.
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool is_private = made >= 0 && ::fchmod(made, 0600) == 0;
  const int refused = errno;
  if (made >= 0) ::close(made);
  if (!is_private) return Error{"cannot open the ledger " + path + ": " + std::generic_category().message(refused)};
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  sqlite.reset(handle);
  const std::string refusal = "cannot open the ledger " + path;
  if (code != SQLITE_OK) return error(refusal);
  // What is refused is not changed: so all questions come before the first write.
  BOOST_OUTCOME_TRYV(check());
  if (!execute("PRAGMA journal_mode = WAL") || !execute("PRAGMA synchronous = FULL") ||
      !execute("PRAGMA cache_size = -256"))
    return error(refusal);
  return bring_up_to_date();
}

Result<void> Ledger::Database::check() {
  const std::string refusal = "cannot read the ledger " + path;
  Statement version(sqlite.get(), "PRAGMA user_version");
  if (!version.next()) return error(refusal);
  if (version.number(0) > kSchemaVersion || version.number(0) < 0)
    return Error{"the ledger " + path + " was written by a later version of moord (schema " +
                 std::to_string(version.number(0)) + ", this one knows up to " + std::to_string(kSchemaVersion) +
                 "); install that version again, or release all tasks with it first"};
  Statement tables(sqlite.get(), "SELECT count(*) FROM sqlite_schema");
  if (!tables.next()) return error(refusal);
  if (version.number(0) == 0 && tables.number(0) != 0) return damaged("it is a database of something else");
  // It has a few pages; what a page that was lost would have told cannot be observed (rule 18).
  Statement pages(sqlite.get(), "PRAGMA quick_check(1)");
  if (!pages.next()) return error(refusal);
  if (pages.text(0) != "ok") return damaged(pages.text(0));
  return boost::outcome_v2::success();
}

Result<void> Ledger::Database::bring_up_to_date() {
  Statement version(sqlite.get(), "PRAGMA user_version");
  if (!version.next()) return error("cannot read the ledger " + path);
  const auto from = version.number(0);
  version = Statement(sqlite.get(), "SELECT 1");  // what is not at its end keeps others from writing
  if (from == kSchemaVersion) return boost::outcome_v2::success();
  std::string change = from == 0 ? kSchema : kFromVersion2;
  if (from == 1) change = kFromVersion1 + change;
  if (!execute("BEGIN IMMEDIATE") || !execute(change.c_str()) || !execute("COMMIT"))
    return error("cannot set up the ledger " + path);
  return boost::outcome_v2::success();
}

Ledger::Ledger(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::open(const std::string& directory) {
  auto database = std::make_unique<Database>();
  BOOST_OUTCOME_TRYV(database->take_lock(directory));
  BOOST_OUTCOME_TRYV(database->open(directory + "/ledger.db"));
  return Ledger(std::move(database));
}

Result<Snapshot> Ledger::load() {
  sqlite3* sqlite = database_->sqlite.get();
  Snapshot snapshot;
  Statement tasks(sqlite, "SELECT id, goal, phase, outcome, created, owner_pid, owner_start, owner_boot FROM task");
  while (tasks.next()) {
    if (tasks.number(2) < 0 || tasks.number(2) > static_cast<std::int64_t>(TaskPhase::kept))
      return database_->damaged("task " + tasks.text(0) + " is in no known phase");
    snapshot.tasks.push_back({tasks.text(0),
                              tasks.text(1),
                              static_cast<TaskPhase>(tasks.number(2)),
                              tasks.text(3),
                              tasks.number(4),
                              {tasks.number(5), static_cast<std::uint64_t>(tasks.number(6)), tasks.text(7)}});
  }
  Statement choices(sqlite, "SELECT task, path, volume FROM choice");
  while (choices.next()) snapshot.choices.push_back({choices.text(0), choices.text(1), choices.text(2)});
  Statement binds(sqlite, "SELECT task, path, source, made, marked FROM bind");
  while (binds.next())
    snapshot.binds.push_back({binds.text(0), binds.text(1), binds.text(2), binds.number(3) != 0, binds.number(4) != 0});
  Statement instance(sqlite, "SELECT id, boot, identity FROM instance");
  Statement volumes(sqlite, "SELECT name, backend, volume, read_only, options, attached_by_us, look FROM volume");
  try {
    if (instance.next()) snapshot.instance = {instance.text(0), instance.text(1), identity_from(instance.text(2))};
    while (volumes.next()) snapshot.volumes.push_back(volume_record(volumes));
  } catch (const std::exception& exception) {
    return database_->damaged(exception.what());
  }
  if (!tasks.ok() || !choices.ok() || !binds.ok() || !volumes.ok() || !instance.ok())
    return database_->error("cannot read the ledger " + database_->path);
  return snapshot;
}

Result<void> Ledger::commit(const std::vector<Change>& changes) {
  if (changes.empty()) return boost::outcome_v2::success();
  MOORING_FAILPOINT_STEP("commit");
  bool ok = database_->execute("BEGIN IMMEDIATE");
  for (const Change& change : changes) ok = ok && std::visit(Apply{database_->sqlite.get()}, change);
  if (ok && database_->execute("COMMIT")) return boost::outcome_v2::success();
  Error failure = database_->error("cannot write the ledger " + database_->path);
  if (sqlite3_errcode(database_->sqlite.get()) == SQLITE_FULL) failure.message += "; make room on its file system";
  if (sqlite3_get_autocommit(database_->sqlite.get()) == 0) static_cast<void>(database_->execute("ROLLBACK"));
  return failure;
}

}  // namespace mooring::agent::state
