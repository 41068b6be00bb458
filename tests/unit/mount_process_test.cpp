#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "mount/process.h"

namespace mooring::mount {
namespace {

TEST(Process, tells_its_status_and_what_it_wrote) {
  const auto end = run_process({"sh", "-c", "echo out; echo err >&2; exit 7"}, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end.value().status, 7);
  EXPECT_EQ(end.value().output, "out\nerr\n");
}

TEST(Process, arguments_are_never_read_by_a_shell) {
  const auto end = run_process({"echo", "$HOME", "; exit 3", "a  b"}, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end.value().output, "$HOME ; exit 3 a  b\n");
}

TEST(Process, keeps_the_end_of_a_long_output) {
  const auto end = run_process({"sh", "-c", "yes | head -c 100000; echo last"}, {});
  ASSERT_TRUE(end);
  EXPECT_LE(end.value().output.size(), kOutputKept);
  EXPECT_TRUE(end.value().output.ends_with("last\n"));
}

TEST(Process, that_is_not_installed_is_an_error) {
  const auto end = run_process({"no-such-program"}, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::system);
  EXPECT_NE(end.error().message.find("not installed"), std::string::npos);
}

TEST(Process, a_signal_counts_as_a_failure) {
  const auto end = run_process({"sh", "-c", "kill -9 $$"}, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end.value().status, 128 + SIGKILL);
}

TEST(Process, gets_no_descriptor_and_no_environment_of_ours) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  ::setenv("MOORING_SECRET", "x", 1);
  const auto end = run_process({"sh", "-c", "ls /proc/self/fd | tr '\\n' ' '; env | grep -c SECRET; cat"}, {});
  ::close(leaked);
  ::unsetenv("MOORING_SECRET");
  ASSERT_TRUE(end);
  EXPECT_EQ(end.value().output, "0 1 2 3 0\n");  // 3 is the directory that ls reads
}

TEST(Process, a_stop_ends_it_and_its_children) {
  // The shell writes a line once its child runs; only then, and only by the stop, does it end.
  std::stop_source stop;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const auto fifo = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(ends[1]);
  std::jthread stopper([&] {
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    stop.request_stop();
  });
  const auto end = run_process({"sh", "-c", "sleep 1000 & echo x > " + fifo + "; wait"}, stop.get_token());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::cancelled);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Process, is_not_started_after_a_stop) {
  std::stop_source stop;
  stop.request_stop();
  const auto end = run_process({"true"}, stop.get_token());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::cancelled);
}

TEST(Process, a_grandchild_that_keeps_the_pipe_is_not_waited_for) {
  const auto end = run_process({"sh", "-c", "sleep 60 & echo $!"}, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end.value().status, 0);
  ::kill(std::stoi(end.value().output), SIGKILL);
}

}  // namespace
}  // namespace mooring::mount
