// moorctl status: tasks and mounts, once or whenever something changes.
#include <utility>

#include "agent/ctl/commands.h"
#include "agent/ctl/exit_status.h"
#include "agent/ctl/json_text.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

std::string target_of(const StatusArguments& arguments) {
  return arguments.task.empty() ? "/v1/tasks" : "/v1/tasks/" + arguments.task;
}

std::string text_of(const StatusArguments& arguments, const json::object& body, const Style& style) {
  if (arguments.format == Format::json) return arguments.watch ? compact(body) + "\n" : pretty(body);
  return arguments.task.empty() ? tasks_text(body, style) : task_text(body, style);
}

/// Without what changes with every look: how long a stage has taken by now.
std::string without_seconds(json::object body) {
  const auto drop = [](json::object& task) {
    json::value* mounts = task.if_contains("mounts");
    if (mounts == nullptr || !mounts->is_array()) return;
    for (json::value& mount : mounts->get_array())
      if (auto* object = mount.if_object()) object->erase("stage_seconds");
  };
  drop(body);
  json::value* tasks = body.if_contains("tasks");
  if (tasks != nullptr && tasks->is_array())
    for (json::value& task : tasks->get_array())
      if (auto* object = task.if_object()) drop(*object);
  return compact(body);
}

int watch(const Context& context, const StatusArguments& arguments) {
  std::string shown;
  std::optional<Answer> ended;
  Client looking(context.client.socket());  // the other one is busy with the stream
  const bool redraws = context.terminal.out && arguments.format == Format::table;
  // Each event, and each sign of life between them, is a reason to look; only a change is one to write.
  const auto look = [&](std::string_view) {
    Answer answer = ask(looking, {"GET", target_of(arguments), "", Call().timeout});
    if (!answer.body) {
      ended = std::move(answer);
      return false;
    }
    std::string now = without_seconds(*answer.body);
    if (now == shown) return true;
    if (redraws)
      context.out << "\033[H\033[2J";
    else if (!shown.empty() && arguments.format == Format::table)
      context.out << '\n';
    context.out << text_of(arguments, *answer.body, context.out_style()) << std::flush;
    shown = std::move(now);
    return static_cast<bool>(context.out);
  };
  if (!look({})) return ended ? fail(context, *ended) : Exit::kFailed;
  const Reply reply = context.client.stream({"GET", "/v1/events?follow=true", "", Call().timeout}, look);
  if (ended && ended->status == 404) return fail(context, Exit::kFailed, "task '" + arguments.task + "' is released");
  if (ended) return fail(context, *ended);
  if (const auto* failure = std::get_if<Failure>(&reply)) return fail(context, *failure);
  if (!context.out) return Exit::kFailed;
  return fail(context, Exit::kUnreachable, "moord at " + context.client.socket() + " has ended the stream of events");
}

}  // namespace

int status(const Context& context, const StatusArguments& arguments) {
  if (!arguments.task.empty() && !is_task(context, arguments.task)) return Exit::kInvalid;
  if (arguments.watch) return watch(context, arguments);
  const Answer answer = ask(context.client, {"GET", target_of(arguments), "", Call().timeout});
  if (!answer.body) return fail(context, answer);
  context.out << text_of(arguments, *answer.body, context.out_style());
  return Exit::kReady;
}

}  // namespace mooring::agent::ctl
