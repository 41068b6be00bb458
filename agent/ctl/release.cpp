// moorctl release: unmounts, detaches, forgets.
#include "agent/ctl/commands.h"
#include "agent/ctl/exit_status.h"
#include "agent/ctl/json_text.h"
#include "agent/ctl/task_wait.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

int no_answer(const Context& context, const ReleaseArguments& arguments, const Waited& waited) {
  const Failure& failure = *waited.answer.failure;
  const std::string name = "task '" + arguments.task + "'";
  if (failure.why == Failure::Why::interrupted)
    return fail(context, Exit::kSignal + failure.signal,
                "interrupted; moord goes on releasing " + name + " (moorctl status " + arguments.task + ")");
  if (!waited.accepted) return fail(context, failure);
  return fail(context, Exit::kUnreachable,
              failure_text(context.client.socket(), failure) + ". It goes on releasing " + name +
                  " when it runs again (moorctl status " + arguments.task + ")");
}

int print_released(const Context& context, const ReleaseArguments& arguments, const json::object& task) {
  if (arguments.format == Format::json)
    context.out << pretty(task);
  else
    context.out << arguments.task << "  released\n";
  return Exit::kReady;
}

/// `moorctl: vol-a is in use by python3 (pid 123, open file /x); it is released as soon as that ends`
int busy(const Context& context, const ReleaseArguments& arguments, const Answer& answer) {
  std::string sentence = answer.problem ? problem_text(*answer.problem) : text_at(*answer.task(), "detail");
  if (sentence.empty()) sentence = "somebody still uses a volume of task '" + arguments.task + "'";
  if (!answer.problem) sentence += "; it is released as soon as that ends";
  return fail(context, Exit::kFailed, sentence);
}

}  // namespace

int release(const Context& context, const ReleaseArguments& arguments) {
  if (!is_task(context, arguments.task)) return Exit::kInvalid;
  TaskWait wait;
  wait.task = arguments.task;
  wait.method = "DELETE";
  // Not GET: a task that is released is not found any more, and DELETE says so without a doubt.
  wait.again = "DELETE";
  wait.query = arguments.force ? "&force=true" : "";
  wait.while_state = "releasing";
  wait.timeout = arguments.timeout;
  wait.show = context.terminal.out && arguments.format == Format::table;
  context.client.catch_signals();
  const Waited waited = wait_for_task(context, wait);
  const Answer& answer = waited.answer;
  if (answer.failure) return no_answer(context, arguments, waited);
  const std::string state = answer.task_state();
  if (answer.status == 404 && waited.accepted)
    return print_released(context, arguments, {{"task", arguments.task}, {"state", "released"}});
  if (state == "released") return print_released(context, arguments, *answer.task());
  if (arguments.format == Format::json && !state.empty()) context.out << pretty(*answer.task());
  if (state == "busy") return busy(context, arguments, answer);
  if (state == "releasing")
    return fail(context, Exit::kTimedOut,
                "task '" + arguments.task + "' is not released after " +
                    human_seconds(std::chrono::duration<double>(arguments.timeout).count()) +
                    "; moord goes on with it (moorctl status " + arguments.task + ")");
  if (answer.problem) return fail(context, answer);
  return fail(context, Exit::kFailed,
              "task '" + arguments.task + "' is " + (state.empty() ? "in an unknown state" : state));
}

}  // namespace mooring::agent::ctl
