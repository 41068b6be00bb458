#include "agent/ctl/reply.h"

#include <utility>

#include "agent/ctl/exit_status.h"
#include "agent/ctl/json_text.h"
#include "agent/goal/words.h"

namespace mooring::agent::ctl {

namespace json = boost::json;

const json::object* Answer::task() const {
  const json::object* task = body ? &*body : problem ? object_at(*problem, "task") : nullptr;
  return task != nullptr && !exact_text_at(*task, "state").empty() ? task : nullptr;
}

std::string Answer::task_state() const {
  const json::object* object = task();
  return object == nullptr ? "" : text_at(*object, "state");
}

Answer ask(Client& client, const Call& call) {
  Answer answer;
  Reply reply = client.send(call);
  if (auto* failure = std::get_if<Failure>(&reply)) {
    answer.failure = std::move(*failure);
    return answer;
  }
  const Response& response = std::get<Response>(reply);
  answer.status = response.status;
  auto object = object_from(response.body);
  const bool good = response.status >= 200 && response.status < 300;
  if (object && good) {
    answer.body = std::move(object);
  } else if (object && !problem_text(*object).empty()) {
    answer.problem = std::move(object);
  } else {
    answer.problem.emplace();
    answer.problem->emplace("detail", "the answer of " + client.socket() + " (HTTP " + std::to_string(response.status) +
                                          ") cannot be read; is it moord that listens there?");
  }
  return answer;
}

std::string failure_text(const std::string& socket, const Failure& failure) {
  const std::string at = goal::printable(socket);
  std::string reason = goal::printable(failure.reason);
  switch (failure.why) {
    case Failure::Why::no_daemon:
      return "no moord answers at " + at + ": " + reason + "; is the service running? (systemctl status moord)";
    case Failure::Why::denied:
      return "not allowed to talk to moord at " + at + ": " + reason + "; be root, or in the group mooring";
    case Failure::Why::gone:
      return "moord at " + at + " went away before it answered: " + reason;
    case Failure::Why::silent:
      return "moord at " + at + " does not answer: " + reason;
    case Failure::Why::not_http:
      return "what answers at " + at + " does not speak HTTP: " + reason + "; is it moord that listens there?";
    case Failure::Why::interrupted:
      return "interrupted";
  }
  return reason;
}

int fail(const Context& context, int exit_status, const std::string& sentence) {
  context.err << "moorctl: " << sentence << '\n';
  return exit_status;
}

int fail(const Context& context, const Failure& failure) {
  const bool interrupted = failure.why == Failure::Why::interrupted;
  return fail(context, interrupted ? Exit::kSignal + failure.signal : Exit::kUnreachable,
              failure_text(context.client.socket(), failure));
}

int fail(const Context& context, const json::object& problem, unsigned status) {
  // What the request was wrong about; 404, 409 and 424 are about the state of things.
  const bool invalid = status == 400 || status == 403 || status == 413 || status == 415 || status == 422;
  return fail(context, invalid ? Exit::kInvalid : Exit::kFailed, problem_text(problem));
}

int fail(const Context& context, const Answer& answer) {
  if (answer.failure) return fail(context, *answer.failure);
  return fail(context, answer.problem ? *answer.problem : json::object{{"detail", "moord's answer cannot be read"}},
              answer.status);
}

}  // namespace mooring::agent::ctl
