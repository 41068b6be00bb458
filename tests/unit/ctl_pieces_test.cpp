// The smaller pure pieces of moorctl: binds, server-sent events, rewritten lines.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "agent/ctl/binds.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/server_events.h"

namespace mooring::agent::ctl {
namespace {

boost::json::object object(std::string_view text) { return boost::json::parse(text).as_object(); }

TEST(Binds, docker_quotes_as_csv) {
  const auto task = object(R"({"binds": [{"source": "/a b", "target": "/t"},
    {"source": "/a,b", "target": "/c\"q\"", "read_only": true}]})");
  EXPECT_EQ(docker_binds(task).text,
            "--mount type=bind,source=/a b,target=/t\n"
            "--mount type=bind,\"source=/a,b\",\"target=/c\"\"q\"\"\",readonly\n");
}

TEST(Binds, oci_mounts) {
  const auto task =
      object(R"({"binds": [{"source": "/s", "target": "/t", "read_only": true}, {"source": "/u", "target": "/v"}]})");
  EXPECT_EQ(boost::json::parse(oci_binds(task).text),
            boost::json::parse(R"([{"destination": "/t", "type": "bind", "source": "/s", "options": ["rbind", "ro"]},
                                   {"destination": "/v", "type": "bind", "source": "/u", "options": ["rbind", "rw"]}])"));
  EXPECT_EQ(oci_binds(object(R"({"binds": []})")).text, "[]\n");
}

TEST(Binds, one_that_cannot_be_passed_on_is_a_problem_and_not_left_out) {
  for (const char* text : {R"({})", R"({"binds": {}})", R"({"binds": [1]})", R"({"binds": [{"source": "/a"}]})",
                           R"({"binds": [{"source": "a", "target": "/b"}]})",
                           R"({"binds": [{"source": "/a", "target": "/t"}, {"source": "/a\nb", "target": "/b"}]})"}) {
    EXPECT_FALSE(docker_binds(object(text)).problem.empty()) << text;
    EXPECT_EQ(docker_binds(object(text)).text, "") << text;
    EXPECT_FALSE(oci_binds(object(text)).problem.empty()) << text;
  }
}

TEST(ServerEvents, are_the_same_however_they_are_cut) {
  const std::string stream =
      ": still here\n\nid: 7\r\nevent: task.ready\r\ndata: {\"a\":1}\r\n\r\nid\nevent: none\n\ndata: x\ndata:y\n\n";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    EventReader reader;
    auto events = reader.feed(std::string_view(stream).substr(0, cut));
    for (auto& event : reader.feed(std::string_view(stream).substr(cut))) events.push_back(std::move(event));
    ASSERT_EQ(events.size(), 2U) << cut;
    EXPECT_EQ(events[0].id, "7");
    EXPECT_EQ(events[0].type, "task.ready");
    EXPECT_EQ(events[0].data, "{\"a\":1}");
    EXPECT_EQ(events[1].data, "x\ny");
  }
}

TEST(Progress, rewrites_its_lines) {
  EXPECT_EQ(redraw({"a", "b"}, 0), "a\033[K\nb\033[K\n");
  EXPECT_EQ(redraw({"c"}, 2), "\033[2A\rc\033[K\n\033[J");
  EXPECT_EQ(fitted({"a", "b", "c"}, 3).size(), 3U);
  EXPECT_EQ(fitted({"a", "b", "c", "d"}, 3), (std::vector<std::string>{"a", "b", "… and 2 more"}));
}

}  // namespace
}  // namespace mooring::agent::ctl
