// The client, and the commands on top of it, against servers that say what a test wants.
#include <chrono>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/ctl/client.h"
#include "agent/ctl/commands.h"

namespace mooring::agent::ctl {
namespace {

/// Gives each connection the next answer, byte for byte, and closes it.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers)
      : path_(std::filesystem::temp_directory_path() / ("ctl_client." + std::to_string(getpid()))) {
    unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) serve(answer);
    });
  }
  ~ScriptedServer() {
    // Wakes it if fewer came than were expected.
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    unlink(path_.c_str());
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void serve(const std::string& answer) const {
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    char request[4096];
    EXPECT_GE(recv(connection, request, sizeof request, 0), 0);
    EXPECT_EQ(::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
    shutdown(connection, SHUT_WR);
    close(connection);
  }

  std::string path_;
  int listener_ = -1;
  std::thread thread_;
};

std::string answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

Failure::Why why(const Reply& reply) {
  const auto* failure = std::get_if<Failure>(&reply);
  return failure == nullptr ? Failure::Why::interrupted : failure->why;
}

struct Outcome {
  int exit_status;
  std::string out;
  std::string err;
};

template <class Command>
Outcome with_answers(std::vector<std::string> answers, const Command& command) {
  const ScriptedServer server(std::move(answers));
  Client client(server.path());
  std::ostringstream out;
  std::ostringstream err;
  const int exit_status = command(Context{client, Terminal{}, out, err});
  return {exit_status, out.str(), err.str()};
}

Outcome attach_with(std::vector<std::string> answers, AttachArguments arguments = {}) {
  arguments.task = "t";
  arguments.goal.mounts = {"v:/x"};
  return with_answers(std::move(answers), [&](const Context& context) { return attach(context, arguments); });
}

TEST(CtlClient, reads_a_response) {
  const ScriptedServer server({answer(202, "hello")});
  const Reply reply = Client(server.path()).send({});
  ASSERT_TRUE(std::holds_alternative<Response>(reply));
  EXPECT_EQ(std::get<Response>(reply).status, 202U);
  EXPECT_EQ(std::get<Response>(reply).body, "hello");
}

TEST(CtlClient, tells_apart_why_there_is_no_answer) {
  EXPECT_EQ(why(Client("/no/such/socket").send({})), Failure::Why::no_daemon);
  EXPECT_EQ(why(Client(std::string(200, 'x')).send({})), Failure::Why::no_daemon);
  const ScriptedServer server({"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "SSH-2.0\r\n"});
  EXPECT_EQ(why(Client(server.path()).send({})), Failure::Why::gone);
  EXPECT_EQ(why(Client(server.path()).send({})), Failure::Why::gone);
  EXPECT_EQ(why(Client(server.path()).send({})), Failure::Why::not_http);
}

TEST(CtlClient, gives_up_on_a_server_that_is_silent) {
  const ScriptedServer server({});  // connects, as the kernel does that, and says nothing
  Call call;
  call.timeout = std::chrono::milliseconds(50);
  EXPECT_EQ(why(Client(server.path()).send(call)), Failure::Why::silent);
}

TEST(CtlClient, streams_until_it_is_enough) {
  const ScriptedServer server({"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n", answer(404, "no")});
  Client client(server.path());
  std::string got;
  const auto take = [&got](std::string_view part) { return got += part, true; };
  EXPECT_TRUE(std::holds_alternative<Response>(client.stream({}, take)));
  EXPECT_EQ(got, "data: 1\n\n");
  EXPECT_EQ(std::get<Response>(client.stream({}, take)).body, "no");
  EXPECT_EQ(got, "data: 1\n\n");
}

TEST(CtlAttach, exit_status_follows_the_state) {
  const std::string mounts = R"("mounts": [], "binds": [{"source": "/s", "target": "/x"}])";
  const auto task = [&mounts](const std::string& state) {
    return R"({"task": "t", "state": ")" + state + "\", " + mounts + "}";
  };
  EXPECT_EQ(attach_with({answer(200, task("ready"))}).exit_status, 0);
  EXPECT_EQ(attach_with({answer(200, task("degraded"))}).exit_status, 0);
  AttachArguments strict;
  strict.strict = true;
  EXPECT_EQ(attach_with({answer(200, task("degraded"))}, strict).exit_status, 5);
  EXPECT_EQ(attach_with({answer(424, R"({"detail": "d", "task": )" + task("failed") + "}")}).exit_status, 1);
  EXPECT_EQ(attach_with({answer(409, R"({"detail": "another goal"})")}).exit_status, 1);
  EXPECT_EQ(attach_with({answer(422, R"({"detail": "bad"})")}).exit_status, 2);
  EXPECT_EQ(attach_with({answer(202, task("preparing")), ""}).exit_status, 3);
  AttachArguments hasty;
  hasty.timeout = std::chrono::milliseconds(0);
  EXPECT_EQ(attach_with({answer(202, task("preparing"))}, hasty).exit_status, 4);
  AttachArguments docker;
  docker.format = Format::docker;
  EXPECT_EQ(attach_with({answer(202, task("preparing")), answer(200, task("ready"))}, docker).out,
            "--mount type=bind,source=/s,target=/x\n");
}

TEST(CtlAttach, json_prints_the_task_whatever_the_exit_status) {
  AttachArguments json;
  json.format = Format::json;
  const auto outcome = attach_with({answer(424, R"({"detail": "d", "task": {"task": "t", "state": "failed"}})")}, json);
  EXPECT_EQ(outcome.out, "{\n  \"task\": \"t\",\n  \"state\": \"failed\"\n}\n");
  EXPECT_EQ(outcome.exit_status, 1);
}

TEST(CtlAttach, an_answer_that_cannot_be_read_is_a_failure) {
  for (const std::string body : {"", "nonsense", "[]", "{}", R"({"state": 5})"}) {
    const auto outcome = attach_with({answer(200, body)});
    EXPECT_EQ(outcome.exit_status, 1) << body;
    EXPECT_NE(outcome.err.find("cannot be read"), std::string::npos) << outcome.err;
  }
}

TEST(CtlRelease, exit_status_follows_the_state) {
  const auto release_with = [](std::vector<std::string> answers) {
    ReleaseArguments arguments;
    arguments.task = "t";
    arguments.timeout = std::chrono::milliseconds(0);
    return with_answers(std::move(answers), [&](const Context& context) { return release(context, arguments); });
  };
  EXPECT_EQ(release_with({answer(200, R"({"task": "t", "state": "released"})")}).out, "t  released\n");
  const auto busy =
      release_with({answer(409, R"j({"detail": "v is in use by sh (pid 7)", "task": {"state": "busy"}})j")});
  EXPECT_EQ(busy.exit_status, 1);
  EXPECT_EQ(busy.err, "moorctl: v is in use by sh (pid 7)\n");
  EXPECT_EQ(release_with({answer(202, R"({"task": "t", "state": "releasing"})")}).exit_status, 4);
  EXPECT_EQ(release_with({answer(500, "")}).exit_status, 1);
}

}  // namespace
}  // namespace mooring::agent::ctl
