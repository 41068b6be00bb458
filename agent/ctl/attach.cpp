// moorctl attach: sets a task's goal and waits until its mounts are ready.
#include <csignal>
#include <utility>

#include <boost/json/serialize.hpp>

#include "agent/ctl/binds.h"
#include "agent/ctl/commands.h"
#include "agent/ctl/exit_status.h"
#include "agent/ctl/json_text.h"
#include "agent/ctl/task_wait.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

std::string in_name(const AttachArguments& arguments) { return "task '" + arguments.task + "'"; }

/// There is no answer; what became of the goal?
int no_answer(const Context& context, const AttachArguments& arguments, const Waited& waited) {
  const Failure& failure = *waited.answer.failure;
  const std::string& id = arguments.task;
  if (failure.why == Failure::Why::interrupted)
    return fail(context, Exit::kSignal + failure.signal,
                "interrupted; the goal of " + in_name(arguments) +
                    " stands, and moord goes on with it (moorctl status " + id +
                    "; to give it up: moorctl release --task " + id + ")");
  const bool was_sent = waited.accepted || failure.why == Failure::Why::gone || failure.why == Failure::Why::silent;
  if (!was_sent) return fail(context, failure);
  return fail(context, Exit::kUnreachable,
              failure_text(context.client.socket(), failure) + ". The goal of " + in_name(arguments) +
                  (waited.accepted ? " stands" : ", if it had been taken, stands") +
                  ": moord goes on with it when it runs again (moorctl status " + id + ")");
}

/// Ready or degraded: the mounts, in the form that was asked for.
int print_ready(const Context& context, const AttachArguments& arguments, const json::object& task) {
  if (arguments.format == Format::table) {
    context.out << mount_report(task, context.out_style());
  } else if (arguments.format == Format::docker || arguments.format == Format::oci) {
    const Binds binds = arguments.format == Format::docker ? docker_binds(task) : oci_binds(task);
    if (!binds.problem.empty()) return fail(context, Exit::kFailed, binds.problem);
    context.out << binds.text;
  }
  if (text_at(task, "state") != "degraded") return Exit::kReady;
  // What was left out, and why, where it was not printed among the others.
  if (arguments.format != Format::table) context.err << mount_report(task, context.err_style());
  const int exit_status = arguments.strict ? Exit::kDegraded : Exit::kReady;
  return fail(context, exit_status, in_name(arguments) + " is degraded: an optional mount was left out");
}

std::string why_failed(const json::object& task, const std::string& detail) {
  if (!detail.empty()) return detail;
  std::string paths;
  for (const json::object* mount : objects_at(task, "mounts"))
    if (exact_text_at(*mount, "state") == "failed") paths += (paths.empty() ? "" : ", ") + text_at(*mount, "path");
  return (paths.empty() ? "a mount" : paths) + " could not be had; nothing stays attached";
}

int print_task(const Context& context, const AttachArguments& arguments, const Waited& waited) {
  const json::object& task = *waited.answer.task();
  const std::string state = waited.answer.task_state();
  if (arguments.format == Format::json) context.out << pretty(task);
  if (state == "ready" || state == "degraded") return print_ready(context, arguments, task);
  // Standard output is for what was had; with json it has got everything already.
  const bool tell = arguments.format != Format::json;
  if (state == "preparing" && arguments.no_wait) {
    if (tell) context.out << mount_report(task, context.out_style());
    return Exit::kReady;
  }
  if (tell) context.err << mount_report(task, context.err_style());
  if (state == "preparing")
    return fail(context, Exit::kTimedOut,
                in_name(arguments) + " is not ready after " +
                    human_seconds(std::chrono::duration<double>(arguments.timeout).count()) +
                    "; the goal stands, and moord goes on with it (moorctl status " + arguments.task + ")");
  const std::string detail = text_at(task, "detail");
  if (state == "failed")
    return fail(context, Exit::kFailed, in_name(arguments) + " failed: " + why_failed(task, detail));
  return fail(
      context, Exit::kFailed,
      in_name(arguments) + " is " + state + (detail.empty() ? "" : ": " + detail) + "; somebody released it meanwhile");
}

}  // namespace

int attach(const Context& context, const AttachArguments& arguments) {
  if (!is_task(context, arguments.task)) return Exit::kInvalid;
  const bool binds_only = arguments.format == Format::docker || arguments.format == Format::oci;
  if (arguments.no_wait && binds_only)
    return fail(context, Exit::kInvalid,
                "--no-wait has no mounts to print: -o docker and -o oci have to wait for them");
  const Input input = read_input(arguments.goal);
  if (!input.ok()) return refuse(context, input.problems);

  TaskWait wait;
  wait.task = arguments.task;
  wait.method = "PUT";
  wait.again = "GET";
  wait.body = json::serialize(goal::to_json(input.goal));
  wait.while_state = "preparing";
  wait.timeout = arguments.no_wait ? std::chrono::milliseconds(0) : arguments.timeout;
  wait.show = context.terminal.out && arguments.format == Format::table && !arguments.no_wait;
  context.client.catch_signals();
  const Waited waited = wait_for_task(context, wait);
  if (waited.answer.failure) return no_answer(context, arguments, waited);
  if (waited.answer.task() != nullptr) return print_task(context, arguments, waited);
  if (waited.answer.status == 404 && waited.accepted)
    return fail(context, Exit::kFailed, in_name(arguments) + " is gone: somebody released it meanwhile");
  return fail(context, waited.answer);
}

}  // namespace mooring::agent::ctl
