#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "agent/ctl/json_text.h"
#include "agent/ctl/output.h"

namespace mooring::agent::ctl {
namespace {

boost::json::object object(std::string_view text) { return boost::json::parse(text).as_object(); }

const boost::json::object kReady = object(R"({"task": "run-42", "state": "ready", "mounts": [
  {"path": "/volume_data", "state": "mounted", "volume": "my-vol", "backend": "aws", "region": "us-east-1",
   "zone": "us-east-1a", "volume_id": "vol-0", "device": "/dev/nvme1n1", "fs": "ext4", "size": 500000000000,
   "used": 190, "capacity": 500, "source": "/mnt/disks/mooring/my-vol", "read_only": false,
   "candidates": [{"name": "other", "verdict": "wrong_region", "detail": "in eu-west-1; this instance is in us-east-1"},
                  {"name": "my-vol", "verdict": "chosen"}],
   "stages": {"attach": 1.204, "device": 0.31, "check": 0.021, "mount": 0.004, "novel": 2}},
  {"path": "/x", "state": "mounted", "instance_path": "/srv/x", "read_only": true}]})");

TEST(Output, explain_is_as_the_design_shows_it) {
  const auto answer = object(R"({"instance": {"provider": "aws", "region": "us-east-1", "zone": "us-east-1a",
    "zone_id": "use1-az4", "instance_id": "i-0abc1234", "instance_type": "m6i.large"}, "mounts": [
    {"path": "/volume_data", "candidates": [
      {"name": "my-aws-eu-west-1-volume", "verdict": "wrong_region", "detail": "in eu-west-1; this instance is in us-east-1"},
      {"name": "my-aws-us-east-1-volume", "verdict": "chosen", "detail": "vol-0123456789abcdef0, 500 GB, ext4, $0.08/GB-month, available"}]},
    {"path": "/x", "instance_path": "/srv/x", "candidates": []}]})");
  EXPECT_EQ(
      explain_text(answer, {}),
      "This instance: aws us-east-1, zone us-east-1a (use1-az4), i-0abc1234, m6i.large\n"
      "\n"
      "/volume_data\n"
      "  1  my-aws-eu-west-1-volume  wrong_region  in eu-west-1; this instance is in us-east-1\n"
      "  2  my-aws-us-east-1-volume  chosen        vol-0123456789abcdef0, 500 GB, ext4, $0.08/GB-month, available\n"
      "\n"
      "/x\n"
      "  the directory /srv/x of this instance\n");
}

TEST(Output, a_mounted_volume_says_where_and_how_full_it_is) {
  EXPECT_EQ(mount_report(kReady, {}),
            "/volume_data  my-vol  mounted at /mnt/disks/mooring/my-vol (ext4, 500 GB, 38 % used) in 3.5 s\n"
            "/x            /srv/x  a directory of the instance (read-only)\n");
}

TEST(Output, a_mount_under_way_shows_its_stage_and_the_time_in_it) {
  const auto task = object(R"({"task": "t", "state": "preparing", "mounts": [
    {"path": "/a", "state": "preparing", "volume": "vol-a", "stage": "device", "stage_seconds": 1.13},
    {"path": "/bb", "state": "waiting", "candidates": [{"name": "x"}, {"name": "y"}]}]})");
  EXPECT_EQ(mount_lines(task, {}), (std::vector<std::string>{"/a   vol-a  waiting for the device  1.1 s",  //
                                                             "/bb  x,y    choosing a volume"}));
  EXPECT_EQ(mount_lines(task, {false, 20}).front(), "/a   vol-a  waiting…");
}

TEST(Output, a_failed_task_shows_every_candidate) {
  const auto task = object(R"({"task": "t", "state": "failed", "mounts": [
    {"path": "/a", "state": "failed", "candidates": [
      {"name": "v1", "verdict": "in_use", "detail": "attached to i-9"},
      {"name": "vol-2", "verdict": "not_found", "detail": "no such volume"}]},
    {"path": "/b", "state": "released", "candidates": [{"name": "v3", "verdict": "not_tried"}]}]})");
  EXPECT_EQ(mount_report(task, {}),
            "/a  v1,vol-2  failed: none of its volumes could be had\n"
            "  1  v1     in_use     attached to i-9\n"
            "  2  vol-2  not_found  no such volume\n"
            "/b  v3        not mounted: another mount of the task could not be had\n"
            "  1  v3  not_tried\n");
}

TEST(Output, a_task_in_full) {
  EXPECT_EQ(task_text(kReady, {}),
            "run-42  ready\n"
            "\n"
            "/volume_data  my-vol  mounted at /mnt/disks/mooring/my-vol (ext4, 500 GB, 38 % used) in 3.5 s\n"
            "  1  other   wrong_region  in eu-west-1; this instance is in us-east-1\n"
            "  2  my-vol  chosen\n"
            "     volume id  vol-0\n"
            "     from       aws us-east-1, zone us-east-1a\n"
            "     device     /dev/nvme1n1\n"
            "     stages     attach 1.2 s, device 0.3 s, check 21 ms, mount 4 ms, novel 2.0 s\n"
            "\n"
            "/x            /srv/x  a directory of the instance (read-only)\n");
}

TEST(Output, lists) {
  boost::json::object all;
  all["tasks"] = boost::json::array{kReady};
  EXPECT_EQ(
      tasks_text(all, {}),
      "TASK    STATE  PATH          VOLUME  FROM                            MOUNT\n"
      "run-42  ready  /volume_data  my-vol  aws us-east-1, zone us-east-1a  mounted at /mnt/disks/mooring/my-vol "
      "(ext4, 500 GB, 38 % used)\n"
      "               /x            /srv/x                                  a directory of the instance (read-only)\n");
  EXPECT_EQ(tasks_text({}, {}), "No tasks.\n");
  EXPECT_EQ(volumes_text(object(R"({"volumes": [{"name": "v", "backend": "local", "region": "eu", "size": "500GB",
                                    "source": "/etc/a.yaml:1", "users": [{"task": "t", "path": "/p"}]}]})"),
                         {}),
            "VOLUME  BACKEND  REGION  ID  SIZE    HERE  USED BY  DEFINED IN\n"
            "v       local    eu      -   500 GB  -     t:/p     /etc/a.yaml:1\n");
  EXPECT_EQ(event_line("task.ready", object(R"({"task": "t", "n": {"x": 1}, "time": 1790000000123})"), {}),
            "2026-09-21 14:13:20.123  task.ready  task=t  n={\"x\":1}");
}

TEST(Output, what_the_server_says_cannot_control_the_terminal) {
  const auto task = object(R"({"task": "t\u001b[31m", "state": "\u009b", "mounts": [
    {"path": "/p\u0007", "state": "mounted", "volume": "v\n", "fs": "\u001b", "source": "/\u007f", "stages": {"\u001b": 1},
     "candidates": [{"name": "\u001b", "verdict": "\u001b", "detail": "\u001b"}]}], "\u001b": "\u009b"})");
  boost::json::object all;
  all["tasks"] = boost::json::array{task};
  for (const std::string& text : {task_text(task, {}), tasks_text(all, {}), mount_report(task, {}), pretty(task),
                                  event_line("\033", task, {}), volumes_text(task, {}), problem_text(task)}) {
    for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
    EXPECT_EQ(text.find('\x7f'), std::string::npos) << text;
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << text;
  }
}

TEST(Output, odd_answers_are_no_trouble) {
  for (const char* text :
       {R"({})", R"({"tasks": 5, "mounts": [1, {}], "volumes": [null], "instance": [], "errors": "x"})",
        R"({"task": 1, "state": [], "mounts": [{"state": "mounted", "stages": {"a": "b", "c": -1}, "size": -1,
            "used": 9, "capacity": 0, "stage_seconds": 1e308, "candidates": [{}], "holders": [{}]}], "owner": {}})"}) {
    const auto odd = object(text);
    boost::json::object all;
    all["tasks"] = boost::json::array{odd};
    EXPECT_FALSE(explain_text(odd, {}).empty());
    EXPECT_FALSE(task_text(odd, {}).empty());
    EXPECT_FALSE(tasks_text(all, {}).empty());
    EXPECT_FALSE(volumes_text(odd, {}).empty());
    static_cast<void>(mount_report(odd, {true, 10}));
    static_cast<void>(identity_text(odd));
  }
  EXPECT_FALSE(object_from("not json"));
  EXPECT_FALSE(object_from("[1]"));
  EXPECT_FALSE(object_from(std::string(100, '[')));
  EXPECT_EQ(human_time(-1), "");
  EXPECT_EQ(human_time(1e300), "");
}

TEST(Output, every_error_of_a_problem_is_told) {
  EXPECT_EQ(problem_text(object(R"({"title": "T", "detail": "D"})")), "D");
  EXPECT_EQ(problem_text(object(R"({"title": "T"})")), "T");
  EXPECT_EQ(problem_text(object(R"({"detail": "D", "errors": [{"detail": "a"}, {"detail": "b"}]})")), "a; b");
}

TEST(Output, json_is_indented_and_numbers_are_short) {
  EXPECT_EQ(pretty(object(R"({"a": [], "b": [0.3, 1, -2], "c": {"d": null, "e": "x\"y"}})")),
            "{\n  \"a\": [],\n  \"b\": [\n    0.3,\n    1,\n    -2\n  ],\n  \"c\": {\n    \"d\": null,\n    \"e\": "
            "\"x\\\"y\"\n  }\n}\n");
  EXPECT_EQ(compact(object(R"({"a": [1, {"b": true}]})")), R"({"a":[1,{"b":true}]})");
}

TEST(Columns, wide_and_cut) {
  Columns columns;
  columns.add({"日本", "x"});
  columns.add({"abcde", {"y", Colour::bad}});
  columns.add({"z", ""});
  EXPECT_EQ(columns.lines(false), (std::vector<std::string>{"日本   x", "abcde  y", "z"}));
  EXPECT_EQ(columns.lines(true)[1], "abcde  \033[31my\033[0m");
  EXPECT_EQ(cut("日本語", 5), "日本…");
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abc", 0), "");
}

}  // namespace
}  // namespace mooring::agent::ctl
