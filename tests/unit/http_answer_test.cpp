// Answers, in pieces of any size.
#include <string>

#include <gtest/gtest.h>

#include "backends/http/answer.h"

namespace mooring::backends::http {
namespace {

constexpr std::size_t kLimit = 1000;

/// What becomes of these bytes, given in pieces, and then the end of the connection.
std::string read(const std::string& bytes, std::size_t piece, bool head_only = false, bool cleanly = true) {
  AnswerReader reader(head_only, kLimit);
  const auto show = [&reader](bool keep) {
    const Response response = reader.release();
    return std::to_string(response.status) + " " + response.body + (keep ? " keep" : "");
  };
  for (std::size_t i = 0; i < bytes.size(); i += piece) {
    const auto complete = reader.take(std::string_view(bytes).substr(i, piece));
    if (!complete) return complete.error().message;
    if (complete.value()) return show(reader.keeps_connection());
  }
  const auto end = reader.end(cleanly);
  return end ? show(false) : end.error().message;
}

/// The same, whatever the size of the pieces; else what differs.
std::string read_any(const std::string& bytes, bool head_only = false) {
  const std::string whole = read(bytes, bytes.size() + 1, head_only);
  for (const std::size_t piece : {1, 2, 3, 7, 50}) {
    const std::string pieces = read(bytes, piece, head_only);
    if (pieces != whole) return "'" + whole + "', but in pieces of " + std::to_string(piece) + " '" + pieces + "'";
  }
  return whole;
}

TEST(HttpAnswer, ends_where_its_length_or_its_last_chunk_says) {
  EXPECT_EQ(read_any("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "200 hi keep");
  EXPECT_EQ(
      read_any("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n3\r\n yo\r\n0\r\nT: 1\r\n\r\n"),
      "200 hi yo keep");
  EXPECT_EQ(read_any("HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"), "404  keep");
}

TEST(HttpAnswer, without_a_length_ends_with_the_connection) {
  EXPECT_EQ(read_any("HTTP/1.1 200 OK\r\n\r\nall of it"), "200 all of it");
  EXPECT_EQ(read_any("HTTP/1.1 200 OK\r\n\r\n"), "200 ");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\n\r\nhalf", 100, false, false), "ended too early");
}

TEST(HttpAnswer, has_no_body_where_there_is_none) {
  EXPECT_EQ(read_any("HTTP/1.1 204 X\r\n\r\n"), "204  keep");
  EXPECT_EQ(read_any("HTTP/1.1 304 X\r\nContent-Length: 10\r\n\r\n"), "304  keep");
  EXPECT_EQ(read_any("HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n", true), "200  keep");
  EXPECT_EQ(read_any("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n", true), "200  keep");
}

TEST(HttpAnswer, passes_over_what_only_announces_another) {
  EXPECT_EQ(
      read_any("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: "
               "2\r\n\r\nhi"),
      "200 hi keep");
  EXPECT_NE(read_any("HTTP/1.1 101 X\r\n\r\n").find("another protocol"), std::string::npos);
  EXPECT_EQ(read_any("HTTP/1.1 100 Continue\r\n\r\n"), "ended too early");
}

TEST(HttpAnswer, tells_whether_the_connection_can_be_kept) {
  EXPECT_EQ(read_any("HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"), "200 hi");
  EXPECT_EQ(read_any("HTTP/1.0 200 X\r\nContent-Length: 2\r\n\r\nhi"), "200 hi");
  EXPECT_EQ(read_any("HTTP/1.0 200 X\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"), "200 hi keep");
  EXPECT_EQ(read("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nhi and more", 100), "200 hi");
}

TEST(HttpAnswer, that_ends_too_early_is_none) {
  for (const char* bytes : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Le",
                            "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi"})
    EXPECT_EQ(read_any(bytes), "ended too early") << bytes;
}

TEST(HttpAnswer, that_is_not_http_is_none) {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"})
    EXPECT_EQ(read_any(bytes).substr(0, 11), "is not HTTP") << bytes;
}

TEST(HttpAnswer, too_large_a_body_is_refused_however_it_comes) {
  const std::string body(kLimit + 1, 'x');
  EXPECT_EQ(read_any("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"), "is too large");
  EXPECT_EQ(read_any("HTTP/1.1 200 OK\r\n\r\n" + body), "is too large");
  std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 101; ++i) chunks += "a\r\n0123456789\r\n";
  EXPECT_EQ(read_any(chunks), "is too large");
  EXPECT_EQ(read_any("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body.substr(1)),
            "200 " + body.substr(1) + " keep");
}

/// Bytes without end: the reader must stop by itself.
std::string read_endless(std::string start, const std::string& rest) {
  AnswerReader reader(false, kLimit);
  for (std::size_t size = 0; size < 10U << 20U; size += start.size(), start = rest) {
    const auto complete = reader.take(start);
    if (!complete) return complete.error().message;
    if (complete.value()) return "complete";
  }
  return "no end";
}

TEST(HttpAnswer, too_large_a_head_is_refused_however_it_comes) {
  const std::string line = "X-Header: " + std::string(1000, 'x') + "\r\n";
  EXPECT_EQ(read_endless("HTTP/1.1 200 OK\r\n", line), "is too large");
  EXPECT_EQ(read_endless("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxx"), "is too large");
  EXPECT_EQ(read_endless("HTTP/1.1 200 ", "xxxxxxxxxx"), "is too large");
  EXPECT_EQ(read_endless("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"), "is too large");
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read_endless(chunked + "1;", "xxxxxxxxxx"), "is too large");
  EXPECT_EQ(read_endless(chunked + "0\r\n", line), "is too large");
}

TEST(HttpAnswer, has_headers_in_any_case) {
  AnswerReader reader(false, kLimit);
  ASSERT_TRUE(
      reader.take("HTTP/1.1 200 OK\r\nx-AMZN-RequestId:  r1 \r\nX: a\r\nX: b\r\nContent-Length: 0\r\n\r\n").value());
  const Response response = reader.release();
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(response.header("X-Amzn-RequestID"), "r1");
  EXPECT_EQ(response.header("x"), "a");
  EXPECT_EQ(response.header("nothing"), "");
  EXPECT_EQ(find_header(response.headers, "nothing"), nullptr);
}

}  // namespace
}  // namespace mooring::backends::http
