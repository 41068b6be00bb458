// moorctl wait: until the mounts of a task are ready.
#include <algorithm>
#include <string>

#include "agent/ctl/commands.h"
#include "agent/ctl/exit_status.h"
#include "agent/ctl/json_text.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

// Its mounts are those of the configuration, and tried for again and again.
constexpr std::string_view kHost = "host";

bool is_on_its_way(const WaitArguments& arguments, const Answer& answer) {
  const std::string state = answer.task_state();
  return state == "preparing" || (state == "failed" && arguments.task == kHost);
}

int tell(const Context& context, const WaitArguments& arguments, const Answer& answer) {
  const std::string name = "task '" + arguments.task + "'";
  if (answer.status == 404 && arguments.task == kHost) {
    context.out << "The configuration has no mounts of the instance: there is nothing to wait for.\n";
    return Exit::kReady;
  }
  if (answer.task() == nullptr) return fail(context, answer);
  const json::object& task = *answer.task();
  const std::string state = answer.task_state();
  const bool ready = state == "ready" || state == "degraded";
  (ready ? context.out : context.err) << mount_report(task, ready ? context.out_style() : context.err_style());
  if (state == "degraded" && arguments.strict)
    return fail(context, Exit::kDegraded, name + " is degraded: an optional mount was left out");
  if (ready) return Exit::kReady;
  const std::string detail = text_at(task, "detail");
  const std::string why = detail.empty() ? "" : ": " + detail;
  if (!is_on_its_way(arguments, answer)) return fail(context, Exit::kFailed, name + " is " + state + why);
  return fail(context, Exit::kTimedOut,
              name + " is not ready after " + human_seconds(std::chrono::duration<double>(arguments.timeout).count()) +
                  " (" + state + why + ")" + "; moord goes on with it");
}

}  // namespace

int wait(const Context& context, const WaitArguments& arguments) {
  if (!is_task(context, arguments.task)) return Exit::kInvalid;
  const auto deadline = Clock::now() + arguments.timeout;
  context.client.catch_signals();
  Client looking(context.client.socket());  // the other one is busy with the stream
  Answer answer;
  // Each event, and each sign of life between them, is a reason to look.
  const auto look = [&](std::string_view) {
    answer = ask(looking, {"GET", "/v1/tasks/" + arguments.task, "", Call().timeout});
    return is_on_its_way(arguments, answer);
  };
  for (;;) {
    answer = {};
    const Reply reply = context.client.stream({"GET", "/v1/events?follow=true", "", Call().timeout, deadline}, look);
    const auto* failure = std::get_if<Failure>(&reply);
    if (failure == nullptr && answer.failure) failure = &*answer.failure;
    // It has stopped, and is started again; or systemd has taken the call, and it is not up yet: the task goes on.
    using Why = Failure::Why;
    const bool restarts = failure != nullptr ? failure->why == Why::gone || failure->why == Why::silent
                                             : is_on_its_way(arguments, answer);
    if (restarts && Clock::now() < deadline) continue;
    if (failure != nullptr && failure->why == Failure::Why::interrupted)
      return fail(context, Exit::kSignal + failure->signal, "interrupted");
    if (failure != nullptr && !restarts) return fail(context, *failure);
    if (answer.status != 0) return tell(context, arguments, answer);
    return fail(context, Exit::kTimedOut, "moord at " + context.client.socket() + " has not answered in time");
  }
}

}  // namespace mooring::agent::ctl
