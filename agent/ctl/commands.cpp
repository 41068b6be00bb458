// The commands that ask one thing and print it.
#include "agent/ctl/commands.h"

#include <algorithm>
#include <map>
#include <utility>

#include <boost/json/serialize.hpp>

#include "agent/ctl/exit_status.h"
#include "agent/ctl/json_text.h"
#include "agent/ctl/server_events.h"
#include "agent/goal/words.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

namespace {

/// A mount that has to be had, and no candidate of which can be had here.
bool is_hopeless(const json::object& mount, const goal::TaskGoal& goal) {
  if (mount.contains("instance_path")) return false;
  const std::string path = exact_text_at(mount, "path");
  const bool optional =
      std::ranges::any_of(goal.mounts, [&path](const goal::Mount& one) { return one.path == path && one.optional; });
  const auto candidates = objects_at(mount, "candidates");
  return !optional && std::ranges::none_of(candidates, [](const json::object* candidate) {
    return text_at(*candidate, "verdict") == "chosen";
  });
}

void print_event(const Context& context, const ServerEvent& event, Format format) {
  auto data = object_from(event.data);
  if (!data) return;
  if (format == Format::table) {
    context.out << event_line(event.type, *data, context.out_style()) << '\n';
    return;
  }
  json::object line{{"id", event.id}, {"event", event.type}};
  for (auto& member : *data) line[member.key()] = std::move(member.value());
  context.out << compact(line) << '\n';
}

}  // namespace

bool is_task(const Context& context, const std::string& name) {
  if (goal::is_valid_name(name)) return true;
  fail(context, Exit::kInvalid, goal::invalid_name("task", name));
  return false;
}

int refuse(const Context& context, const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) context.err << problem << '\n';
  return Exit::kInvalid;
}

int explain(const Context& context, const GoalArguments& arguments, Format format) {
  const Input input = read_input(arguments);
  if (!input.ok()) return refuse(context, input.problems);
  const Answer answer =
      ask(context.client, {"POST", "/v1/explain", json::serialize(goal::to_json(input.goal)), Call().timeout});
  if (!answer.body) return fail(context, answer);
  context.out << (format == Format::json ? pretty(*answer.body) : explain_text(*answer.body, context.out_style()));
  const auto mounts = objects_at(*answer.body, "mounts");
  const bool failed =
      std::ranges::any_of(mounts, [&](const json::object* one) { return is_hopeless(*one, input.goal); });
  return failed ? Exit::kFailed : Exit::kReady;
}

int identity(const Context& context, Format format) {
  const Answer answer = ask(context.client, {"GET", "/v1/identity", "", Call().timeout});
  if (!answer.body) return fail(context, answer);
  context.out << (format == Format::json ? pretty(*answer.body) : identity_text(*answer.body));
  return Exit::kReady;
}

int volumes(const Context& context, Format format) {
  const Answer answer = ask(context.client, {"GET", "/v1/volumes", "", Call().timeout});
  if (!answer.body) return fail(context, answer);
  context.out << (format == Format::json ? pretty(*answer.body) : volumes_text(*answer.body, context.out_style()));
  // A definition that cannot be read is missing above: say why.
  for (const std::string& problem : texts_at(*answer.body, "problems")) context.err << "moorctl: " << problem << '\n';
  return Exit::kReady;
}

int events(const Context& context, bool follow, Format format) {
  EventReader reader;
  const auto print = [&](std::string_view part) {
    for (const ServerEvent& event : reader.feed(part)) print_event(context, event, format);
    context.out << std::flush;
    return static_cast<bool>(context.out);
  };
  const std::string target = follow ? "/v1/events?follow=true" : "/v1/events?follow=false";
  const Reply reply = context.client.stream({"GET", target, "", Call().timeout}, print);
  if (const auto* failure = std::get_if<Failure>(&reply)) return fail(context, *failure);
  const auto& response = std::get<Response>(reply);
  if (response.status != 200) {
    const auto problem = object_from(response.body);
    return fail(context,
                problem && !problem_text(*problem).empty() ? *problem
                                                           : json::object{{"detail", "moord's answer cannot be read"}},
                response.status);
  }
  if (follow && context.out)
    return fail(context, Exit::kUnreachable, "moord at " + context.client.socket() + " has ended the stream of events");
  return Exit::kReady;
}

int check(const Context& context, const std::vector<std::string>& files, const std::vector<std::string>& variables) {
  int exit_status = Exit::kReady;
  for (const std::string& file : files) {
    const Checked checked = check_file(file, variables);
    for (const std::string& problem : checked.problems) context.err << problem << '\n';
    if (!checked.problems.empty())
      exit_status = Exit::kInvalid;
    else
      context.out << (file == "-" ? "standard input" : goal::printable(file)) << ": ok (" << checked.summary << ")\n";
  }
  return exit_status;
}

}  // namespace mooring::agent::ctl
