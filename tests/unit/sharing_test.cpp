#include "agent/decide/sharing.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mooring::agent::decide {
namespace {

Wish wish() {
  Wish wish;
  wish.candidate.name = "v";
  wish.candidate.backend = "aws";
  wish.candidate.volume = {.name = "v", .volume_id = "vol-1"};
  return wish;
}

template <class Change>
Wish with(Change change) {
  Wish changed = wish();
  change(changed);
  return changed;
}

struct Row {
  const char* name;
  Wish had;
  Wish wanted;
  std::string words;  // of the refusal; empty: it will do
};

TEST(Sharing, follows_the_table) {
  const auto read_only = with([](Wish& w) { w.candidate.read_only = true; });
  const auto noatime = with([](Wish& w) { w.options = {"noatime"}; });
  const auto unknown_id = with([](Wish& w) { w.candidate.volume.volume_id.clear(); });
  const std::vector<Row> rows{
      {"the_same", wish(), wish(), ""},
      {"reading_what_is_written", wish(), read_only, ""},
      {"reading_with_a_reader", read_only, read_only, ""},
      {"writing_what_is_read", read_only, wish(), "task t, which mounted it read-only"},
      {"other_options", wish(), noatime, "with other mount options"},
      {"the_same_options", noatime, noatime, ""},
      {"an_id_that_is_not_known", wish(), unknown_id, ""},
      {"an_id_that_was_not_known", unknown_id, wish(), ""},
      {"another_disk", wish(), with([](Wish& w) { w.candidate.volume.volume_id = "vol-2"; }), "another volume"},
      {"another_cloud", wish(), with([](Wish& w) { w.candidate.backend = "gcp"; }), "another volume"},
      {"another_file_system_is_seen_when_it_is_mounted", wish(), with([](Wish& w) { w.candidate.fs = "xfs"; }), ""},
  };
  for (const Row& row : rows) {
    const auto why = misfit(form_of(row.had), row.wanted, "t");
    EXPECT_EQ(why.has_value(), !row.words.empty()) << row.name;
    if (why) EXPECT_NE(why->detail.find(row.words), std::string::npos) << row.name << ": " << why->detail;
  }
}

TEST(Sharing, what_is_mounted_has_the_last_word) {
  mount::MountEntry mounted;
  mounted.fs = "ext4";
  EXPECT_FALSE(misfit(mounted, wish()));
  EXPECT_FALSE(misfit(mounted, with([](Wish& w) { w.candidate.fs = "ext4"; })));
  EXPECT_EQ(misfit(mounted, with([](Wish& w) { w.candidate.fs = "xfs"; }))->verdict, Verdict::unsafe_filesystem);
  mounted.read_only = true;
  EXPECT_EQ(misfit(mounted, wish())->verdict, Verdict::mount_failed);
  EXPECT_FALSE(misfit(mounted, with([](Wish& w) { w.candidate.read_only = true; })));
}

TEST(Sharing, who_may_format_says_what) {  // rule 1
  const auto may = with([](Wish& w) { w.candidate.may_format = true; });
  const auto may_btrfs = with([](Wish& w) {
    w.candidate.may_format = true;
    w.candidate.fs_to_make = "btrfs";
  });
  const auto only_wants_xfs = with([](Wish& w) { w.candidate.fs_to_make = "xfs"; });
  const auto read_only = with([](Wish& w) { w.candidate.may_format = w.candidate.read_only = true; });
  EXPECT_FALSE(may_format(wish()));
  EXPECT_TRUE(may_format(may));
  EXPECT_FALSE(may_format(read_only));
  EXPECT_EQ(file_system_for({&only_wants_xfs, &may}), "ext4");
  EXPECT_EQ(file_system_for({&only_wants_xfs, &may, &may_btrfs}), "btrfs");
}

}  // namespace
}  // namespace mooring::agent::decide
