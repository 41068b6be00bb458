#include "agent/state/ledger.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace mooring::agent::state {
namespace {

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ledger.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~LedgerTest() override { std::filesystem::remove_all(directory_); }

  Ledger open() {
    auto ledger = Ledger::open(directory_);
    EXPECT_TRUE(ledger) << (ledger ? "" : ledger.error().message);
    return std::move(ledger).value();
  }
  [[nodiscard]] std::string refusal() const {
    auto ledger = Ledger::open(directory_);
    return ledger ? "" : ledger.error().message;
  }
  void execute(const char* sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((directory_ + "/ledger.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  std::string directory_;
};

VolumeRecord volume() {
  VolumeRecord record;
  record.name = "vol";
  record.backend = "aws";
  record.volume = {.name = "vol",
                   .region = "us-east-1",
                   .zone = "us-east-1a",
                   .volume_id = "vol-1",
                   .size = 18'000'000'000'000'000'000U,
                   .read_only = true,
                   .defined = true,
                   .parameters = {{"server", "a \"quoted\" name"}}};
  record.read_only = true;
  record.options = {"noatime", "commit=5"};
  record.attached_by_us = true;
  record.write_protected = true;
  record.look = {.serial = "vol1", .links = {"nvme-vol1"}, .backing_file = backends::Look::File{1, 2}, .size = 5};
  record.look_known = true;
  return record;
}

InstanceRecord instance() {
  backends::Identity identity{.provider = "aws",
                              .region = "us-east-1",
                              .zone = "us-east-1a",
                              .zone_id = "use1-az4",
                              .instance_id = "i-2",
                              .instance_type = "m6i.large",
                              .account = "123456789012",
                              .attributes = {{"dns_suffix", "amazonaws.com"}},
                              .source = "metadata"};
  return {"i-2", "boot-2", std::move(identity)};
}

TEST_F(LedgerTest, gives_back_after_reopening_what_was_committed) {
  {
    auto ledger = open();
    ASSERT_TRUE(ledger.commit({TaskRecord{"t", "{}", TaskPhase::failed, R"({"a":1})", 42, {7, 8, "boot"}},
                               ChoiceRecord{"t", "/data", "vol"}, volume(), BindRecord{"t", "/p", "/s", true, true},
                               InstanceRecord{"i-1", "boot", {}}, instance()}));
  }
  auto ledger = open();
  const auto snapshot = ledger.load();
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot.value().tasks.size(), 1U);
  EXPECT_EQ(snapshot.value().tasks[0].phase, TaskPhase::failed);
  EXPECT_EQ(snapshot.value().tasks[0].owner.start_time, 8U);
  ASSERT_EQ(snapshot.value().volumes.size(), 1U);
  EXPECT_EQ(snapshot.value().volumes[0].volume, volume().volume);
  EXPECT_EQ(snapshot.value().volumes[0].look, volume().look);
  EXPECT_TRUE(snapshot.value().volumes[0].read_only);
  EXPECT_EQ(snapshot.value().volumes[0].options, volume().options);
  EXPECT_TRUE(snapshot.value().volumes[0].attached_by_us);
  EXPECT_TRUE(snapshot.value().volumes[0].write_protected);
  EXPECT_EQ(snapshot.value().instance, instance());
  ASSERT_EQ(snapshot.value().choices.size(), 1U);
  ASSERT_EQ(snapshot.value().binds.size(), 1U);
  EXPECT_TRUE(snapshot.value().binds[0].made);
  EXPECT_TRUE(snapshot.value().binds[0].marked);
}

TEST_F(LedgerTest, forgets) {
  auto ledger = open();
  ASSERT_TRUE(ledger.commit({TaskRecord{"t", "{}", {}, "", 0, {}}, ChoiceRecord{"t", "/a", "v"},
                             ChoiceRecord{"u", "/a", "v"}, volume(), BindRecord{"t", "/p", "/s", true, true}}));
  ASSERT_TRUE(ledger.commit({ForgetTask{"t"}, ForgetVolume{"vol"}, ForgetBind{"t", "/p"}, ForgetChoice{"u", "/a"}}));
  const auto snapshot = ledger.load();
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot.value().tasks.empty() && snapshot.value().choices.empty() && snapshot.value().volumes.empty() &&
              snapshot.value().binds.empty());
}

TEST_F(LedgerTest, a_second_daemon_on_the_directory_is_refused) {
  const auto first = open();
  EXPECT_NE(refusal().find("another moord is running"), std::string::npos);
}

TEST_F(LedgerTest, one_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it) {
  { static_cast<void>(open().commit({ChoiceRecord{"t", "/data", "vol"}, volume()})); }
  execute("DROP TABLE instance");
  execute("CREATE TABLE instance (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT");
  execute("INSERT INTO instance VALUES (1, 'i-1')");
  execute("INSERT INTO task VALUES ('t', '{}', 0, '', 0, 0, 0, '')");
  execute("PRAGMA user_version = 1");
  for (int time = 0; time < 2; ++time) {
    auto ledger = open();
    const auto snapshot = ledger.load();
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot.value().instance, (InstanceRecord{"i-1", "", {}}));
    EXPECT_EQ(snapshot.value().volumes.size(), 1U);
    EXPECT_EQ(snapshot.value().choices.size(), 1U);
    // It may have been ready: nobody knows.
    ASSERT_EQ(snapshot.value().tasks.size(), 1U);
    EXPECT_EQ(snapshot.value().tasks[0].phase, TaskPhase::kept);
  }
}

TEST_F(LedgerTest, a_later_schema_is_refused_and_left_alone) {
  static_cast<void>(open());
  execute("PRAGMA user_version = 99");
  EXPECT_NE(refusal().find("later version"), std::string::npos);
  EXPECT_NE(refusal().find("99"), std::string::npos);
}

TEST_F(LedgerTest, a_file_that_is_no_ledger_is_refused) {
  std::ofstream(directory_ + "/ledger.db") << std::string(4096, 'x');
  EXPECT_NE(refusal().find("not a database"), std::string::npos);
}

TEST_F(LedgerTest, damaged_records_are_refused_not_guessed) {
  static_cast<void>(open());
  execute("INSERT INTO volume VALUES ('v', 'local', 'not json', 0, '[]', 0, '')");
  auto ledger = open();
  const auto snapshot = ledger.load();
  ASSERT_FALSE(snapshot);
  EXPECT_NE(snapshot.error().message.find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace mooring::agent::state
