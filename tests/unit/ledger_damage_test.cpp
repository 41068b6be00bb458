// What a power failure, a full disk and other hands do to the ledger: all that was committed, or a clear refusal.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "agent/state/ledger.h"

namespace mooring::agent::state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;         // SQLite's default page size
constexpr std::size_t kFrame = 24 + kPage;  // and a frame of its log: a header and a page (sqlite.org/fileformat2.html)
constexpr int kCommits = 12;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class LedgerDamage : public testing::Test {
 protected:
  LedgerDamage() {
    std::string pattern = (fs::temp_directory_path() / "ledger.XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::create_directory(used_ = root_ / "used");
    fs::create_directory(found_ = root_ / "found");
  }
  ~LedgerDamage() override { fs::remove_all(root_); }

  /// A ledger as a run that was killed after so many commits leaves it: each says that the one task is at that number.
  void leave_behind() {
    auto ledger = Ledger::open(used_);
    ASSERT_TRUE(ledger) << ledger.error().message;
    for (int number = 1; number <= kCommits; ++number) ASSERT_TRUE(ledger.value().commit(changes(number)));
    for (const char* name : {"ledger.db", "ledger.db-wal"}) fs::copy_file(used_ / name, found_ / name);
  }
  static std::vector<Change> changes(int number) {
    std::vector<Change> all{TaskRecord{"t", std::to_string(number), TaskPhase::wanted, "", number, {}}};
    // More than a page, so that a commit is of several frames.
    for (int path = 0; path < 40; ++path)
      all.emplace_back(ChoiceRecord{"t", "/p" + std::to_string(path) + std::string(200, 'x'), std::to_string(number)});
    return all;
  }
  /// The number of the last commit that is there, whole; 0: none is. −1: refused.
  int last_commit() {
    auto ledger = Ledger::open(found_);
    if (!ledger) return refused(ledger.error().message);
    const auto snapshot = ledger.value().load();
    if (!snapshot) return refused(snapshot.error().message);
    const auto& [instance, tasks, choices, volumes, binds] = snapshot.value();
    if (tasks.empty()) {
      EXPECT_TRUE(choices.empty());
      return 0;
    }
    EXPECT_EQ(choices.size(), 40U);
    for (const auto& choice : choices) EXPECT_EQ(choice.volume, tasks[0].goal);
    return std::stoi(tasks[0].goal);
  }
  int refused(const std::string& why) {
    EXPECT_NE(why.find((found_ / "ledger.db").string()), std::string::npos) << why;
    EXPECT_NE(why.find("move it away"), std::string::npos) << why;
    why_ = why;
    return -1;
  }

  fs::path root_, used_, found_;
  std::string why_;
};

TEST_F(LedgerDamage, a_log_that_was_cut_off_holds_all_commits_before_that) {
  leave_behind();
  const std::string log = read(found_ / "ledger.db-wal");
  const std::string database = read(found_ / "ledger.db");
  ASSERT_EQ(last_commit(), kCommits);
  int last = kCommits;
  for (std::size_t size = log.size(); size > 0; size -= std::min(size, kFrame / 2)) {
    write(found_ / "ledger.db", database);
    write(found_ / "ledger.db-wal", log.substr(0, size));
    fs::remove(found_ / "ledger.db-shm");
    const int now = last_commit();
    EXPECT_GE(now, 0) << why_;
    EXPECT_LE(now, last) << "of " << size << " bytes";
    last = now;
  }
  EXPECT_EQ(last, 0);
}

TEST_F(LedgerDamage, a_log_with_a_torn_write_at_its_end_holds_all_commits_before_that) {
  leave_behind();
  const std::string log = read(found_ / "ledger.db-wal");
  const std::string database = read(found_ / "ledger.db");
  for (const std::size_t torn : {std::size_t{1}, std::size_t{512}, kPage, kFrame}) {
    std::string damaged = log;
    damaged.replace(log.size() - torn, torn, torn, '\x5a');
    write(found_ / "ledger.db", database);
    write(found_ / "ledger.db-wal", damaged);
    fs::remove(found_ / "ledger.db-shm");
    EXPECT_EQ(last_commit(), kCommits - 1) << torn;
  }
}

/// Or, where nothing of it is used, all that was committed; never something else.
TEST_F(LedgerDamage, a_database_with_a_damaged_or_missing_page_is_refused) {
  leave_behind();
  ASSERT_EQ(last_commit(), kCommits);  // and the log has gone into the database
  ASSERT_FALSE(fs::exists(found_ / "ledger.db-wal"));
  const std::string good = read(found_ / "ledger.db");
  int refusals = 0;
  for (std::size_t at = 0; at < good.size(); at += kPage) {
    std::string damaged = good;
    damaged.replace(at, kPage, kPage, '\x5a');
    for (const std::string& bytes : {damaged, good.substr(0, at + kPage / 2)}) {
      write(found_ / "ledger.db", bytes);
      const int seen = last_commit();
      EXPECT_TRUE(seen == -1 || seen == kCommits) << "page " << at / kPage << ": " << seen;
      if (seen == -1) {
        ++refusals;
        EXPECT_EQ(read(found_ / "ledger.db"), bytes) << "it was changed";
      }
    }
  }
  EXPECT_GT(refusals, 8);
}

TEST_F(LedgerDamage, a_later_schema_is_refused_and_no_byte_of_it_changes) {
  leave_behind();
  ASSERT_EQ(last_commit(), kCommits);
  std::string later = read(found_ / "ledger.db");
  later[63] = 99;  // user_version: big-endian at 60 (sqlite.org/fileformat2.html, 1.3)
  write(found_ / "ledger.db", later);
  const auto ledger = Ledger::open(found_);
  ASSERT_FALSE(ledger);
  EXPECT_NE(ledger.error().message.find("later version of moord (schema 99"), std::string::npos);
  EXPECT_EQ(read(found_ / "ledger.db"), later);
}

/// As on a full disk: no file may become larger.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size) {
    was_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &had_);
    const rlimit now{size, had_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &had_);
    std::signal(SIGXFSZ, was_);
  }

 private:
  rlimit had_{};
  void (*was_)(int) = nullptr;
};

TEST_F(LedgerDamage, on_a_full_disk_nothing_is_committed_and_what_was_stays) {
  auto ledger = Ledger::open(found_);
  ASSERT_TRUE(ledger);
  ASSERT_TRUE(ledger.value().commit(changes(1)));
  const auto size = fs::file_size(found_ / "ledger.db-wal");
  for (std::size_t room = 0; room < 3 * kFrame; room += kFrame / 2) {
    const FullDisk full(size + room);
    const auto written = ledger.value().commit(changes(2));
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find("cannot write the ledger"), std::string::npos) << written.error().message;
    const auto snapshot = ledger.value().load();
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot.value().tasks.at(0).goal, "1");
  }
  ASSERT_TRUE(ledger.value().commit(changes(3)));
  EXPECT_EQ(ledger.value().load().value().tasks.at(0).goal, "3");
}

}  // namespace
}  // namespace mooring::agent::state
