#include "agent/serve/routes.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/json/array.hpp>

#include "agent/act/task_json.h"
#include "agent/decide/resolver.h"
#include "agent/goal/fields.h"
#include "agent/goal/words.h"
#include "agent/serve/problem.h"

namespace mooring::agent::serve {

namespace json = boost::json;
using act::Task;
using act::TaskState;

namespace {

constexpr std::chrono::milliseconds kLongestWait = std::chrono::minutes(10);
// Whether what is ready still is takes some system calls; a disk that hangs takes longer than anybody wants to wait.
constexpr std::chrono::seconds kLongestLook{5};

Response not_found(const std::string& what) { return problem(404, "not-found", "Not found", what); }

Response wrong_method(const std::string& allowed) {
  auto response = problem(405, "method-not-allowed", "This method is not for this path", "allowed: " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

/// The `wait` of a query; a wait that cannot be read is an error.
struct Wait {
  std::chrono::milliseconds time{0};
  std::optional<Response> refusal;
};

Wait wait_of(const Request& request) {
  const auto wait = request.query.find("wait");
  if (wait == request.query.end()) return {};
  const auto time = goal::parse_duration(wait->second);
  if (!time || time->count() < 0)
    return {{},
            problem(400, "bad-request", "The wait cannot be read",
                    "wait=" + goal::printable(wait->second) + " is not a duration; write 60s, 5m, 250ms")};
  return {std::min(*time, kLongestWait), {}};
}

bool flag(const Request& request, const std::string& name) {
  const auto value = request.query.find(name);
  return value != request.query.end() && value->second != "false";
}

std::vector<std::string_view> parameters_of(const Request& request) {
  const auto& path = request.path;
  if (path.size() == 3 && request.method == "DELETE") return {"wait", "force"};
  if (path.size() == 3) return {"wait"};
  if (path.back() == "readyz") return {"verbose"};
  if (path.back() == "events") return {"follow"};
  return {};
}

/// A parameter that is misspelt must not be passed over: `?forse=true`.
std::optional<Response> wrong_query(const Request& request) {
  const auto known = parameters_of(request);
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(known, name) == known.end()) {
      const auto near = goal::nearest(name, known);
      return problem(400, "bad-request", "There is no such parameter",
                     "unknown parameter " + goal::in_quotes(name) +
                         (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?"));
    }
    const bool is_flag = value.empty() || value == "true" || value == "false";
    if (name != "wait" && !is_flag)
      return problem(400, "bad-request", "A parameter cannot be read",
                     name + "=" + goal::printable(value) + " is neither true nor false");
  }
  return std::nullopt;
}

/// A goal from a body, or why there is none.
struct Body {
  goal::TaskGoal goal;
  std::optional<Response> refusal;
};

Body goal_of(const Request& request) {
  const bool yaml = request.content_type == "application/yaml" || request.content_type == "application/x-yaml" ||
                    request.content_type == "text/yaml";
  if (!yaml && request.content_type != "application/json")
    return {{},
            problem(415, "unsupported-media-type", "The body has the wrong content type",
                    (request.content_type.empty() ? "there is no Content-Type"
                                                  : goal::in_quotes(request.content_type) + " is not read here") +
                        "; send application/json or application/yaml")};
  goal::Diagnostics diagnostics("request");
  const auto documents = goal::parse(request.body, yaml ? goal::Format::yaml : goal::Format::json, diagnostics);
  if (diagnostics.ok() && documents.size() != 1) diagnostics.error({1, 1}, "the body has to be one document");
  if (!diagnostics.ok()) return {{}, invalid(diagnostics.all())};
  Body body{goal::read_request(documents.front(), {}, diagnostics), {}};
  if (!diagnostics.ok()) body.refusal = invalid(diagnostics.all());
  return body;
}

Response plain_text(unsigned status, std::string text) {
  return {.status = status, .content_type = "text/plain", .body = std::move(text), .headers = {}, .stream = {}};
}

json::object identity_json(const backends::Identity& here) {
  json::object object{{"provider", here.provider}, {"region", here.region}};
  const auto add = [&object](std::string_view key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  add("zone", here.zone);
  add("zone_id", here.zone_id);
  add("instance_id", here.instance_id);
  add("instance_type", here.instance_type);
  add("account", here.account);
  add("source", here.source);
  return object;
}

void log_call(const Request& request, std::string_view what, const std::string& task) {
  spdlog::info("task={} {} by uid={} pid={}", task, what, request.peer.uid, request.peer.pid);
}

}  // namespace

Api::Api(Task::World& world, act::Tasks& tasks, EventStream& events)
    : world_(world), services_(world.services), tasks_(tasks), event_stream_(events) {}

void Api::stop() {
  stopping_ = true;
  event_stream_.stop();
  for (const auto& [id, task] : tasks_.all()) task->changed().notify();
}

boost::asio::awaitable<Response> Api::answer(Request request) {
  // Plain ifs: g++ 12 destroys the operands of ?: twice when one of them is awaited.
  const auto& path = request.path;
  const auto is = [&path](std::initializer_list<std::string_view> wanted) { return std::ranges::equal(path, wanted); };
  const bool one_task = path.size() == 3 && path[0] == "v1" && path[1] == "tasks";
  const bool known = one_task || is({"livez"}) || is({"readyz"}) || is({"v1", "identity"}) || is({"v1", "events"}) ||
                     is({"v1", "volumes"}) || is({"v1", "tasks"}) || is({"v1", "explain"});
  if (!known)
    co_return not_found(
        "there is nothing at this path; there are /v1/tasks, /v1/tasks/{task}, /v1/explain, /v1/identity, "
        "/v1/volumes, /v1/events, /livez and /readyz");
  if (auto refusal = wrong_query(request)) co_return *std::move(refusal);
  if (one_task) co_return co_await tasks_route(request);
  if (is({"v1", "explain"})) {
    if (request.method != "POST") co_return wrong_method("POST");
    co_return co_await explain(request);
  }
  if (request.method != "GET") co_return wrong_method("GET");
  if (is({"readyz"})) co_return co_await ready(request);
  if (is({"v1", "volumes"})) co_return co_await volumes();
  if (is({"v1", "events"})) co_return events(request);
  if (is({"v1", "identity"})) co_return identity();
  if (is({"v1", "tasks"})) co_return list_tasks();
  co_return plain_text(200, "ok\n");
}

Api::Answer Api::tasks_route(const Request& request) {
  const std::string& id = request.path[2];
  if (!goal::is_valid_name(id))
    co_return problem(422, "invalid-goal", "The task's name is not valid", goal::invalid_name("task", id));
  if (request.method == "GET") co_return co_await get_task(request, id);
  if (id == act::kHostTask)
    co_return problem(403, "forbidden", "This task belongs to the configuration",
                      "the mounts of task 'host' are the `volumes` of moord's configuration; change them there");
  if (request.method == "PUT") co_return co_await put_task(request, id);
  if (request.method == "DELETE") co_return co_await delete_task(request, id);
  co_return wrong_method("GET, PUT, DELETE");
}

boost::asio::awaitable<void> Api::wait(std::shared_ptr<Task> task, std::chrono::milliseconds time) {
  const auto deadline = act::Clock::now() + time;
  while (task->moving() && !stopping_ && act::Clock::now() < deadline) co_await task->changed().wait_until(deadline);
}

Response Api::refusal(act::Tasks::Refusal why, const std::string& id) const {
  using Refusal = act::Tasks::Refusal;
  if (why == Refusal::being_released)
    return problem(409, "conflict", "The task is being released", "wait until task '" + id + "' is released");
  std::string what = "mounts";
  if (why == Refusal::other_definitions) what = "definitions";
  const auto task = tasks_.find(id);
  if (why == Refusal::other_owner)
    what = task->goal().owner ? "owner, process " + std::to_string(task->goal().owner->pid) : "owner: none";
  return problem(
      409, "conflict", "The task has another goal",
      "task '" + id + "' exists with another goal (other " + what + "); release it first, or take another name");
}

Api::Answer Api::put_task(const Request& request, const std::string& id) {
  auto time = wait_of(request);
  if (time.refusal) co_return *std::move(time.refusal);
  auto body = goal_of(request);
  if (body.refusal) co_return *std::move(body.refusal);
  if (body.goal.owner && act::process_start_time(body.goal.owner->pid) == 0)
    co_return problem(422, "invalid-goal", "The owner is not a process",
                      "there is no process " + std::to_string(body.goal.owner->pid));
  log_call(request, "put", id);
  const auto result = tasks_.put(id, body.goal);
  if (const auto* why = std::get_if<act::Tasks::Refusal>(&result)) co_return refusal(*why, id);
  const auto [task, is_new] = std::get<act::Tasks::Taken>(result);
  const auto look_until = act::Clock::now() + kLongestLook;
  while (task->looking() && !stopping_ && act::Clock::now() < look_until)
    co_await task->changed().wait_until(look_until);
  co_await wait(task, time.time);
  // Nobody is told of a goal that is not on disk.
  const auto written = co_await services_.ledger.flush(task->ticket());
  if (!written) {
    if (is_new) task->release(false);
    co_return problem(500, "ledger", "The goal cannot be recorded", written.error().message);
  }
  auto state = act::to_json(*task);
  switch (task->state()) {
    case TaskState::ready:
    case TaskState::degraded:
      co_return json_response(200, state);
    case TaskState::preparing: {
      auto response = json_response(202, state);
      response.headers.emplace_back("Location", "/v1/tasks/" + id);
      co_return response;
    }
    case TaskState::failed: {
      std::string why = "task '" + id + "' failed: " + act::why_failed(state);
      co_return problem(424, "failed", "The goal could not be had", std::move(why), {{"task", std::move(state)}});
    }
    case TaskState::releasing:
    case TaskState::busy:
    case TaskState::released:
      break;
  }
  co_return problem(409, "conflict", "The task is being released", "somebody released task '" + id + "' meanwhile",
                    {{"task", std::move(state)}});
}

Api::Answer Api::get_task(const Request& request, const std::string& id) {
  auto time = wait_of(request);
  if (time.refusal) co_return *std::move(time.refusal);
  const auto task = tasks_.find(id);
  if (!task) co_return not_found("there is no task '" + id + "'");
  co_await wait(task, time.time);
  co_return json_response(200, act::to_json(*task));
}

Api::Answer Api::delete_task(const Request& request, const std::string& id) {
  auto time = wait_of(request);
  if (time.refusal) co_return *std::move(time.refusal);
  const auto task = tasks_.find(id);
  if (!task) co_return json_response(200, {{"task", id}, {"state", "released"}});
  log_call(request, flag(request, "force") ? "release by force" : "release", id);
  task->release(flag(request, "force"));
  co_await wait(task, time.time);
  auto state = act::to_json(*task);
  if (task->state() == TaskState::released) co_return json_response(200, state);
  // Nobody is told of a release that a crash would undo.
  const auto written = co_await services_.ledger.flush(task->ticket());
  if (!written) co_return problem(500, "ledger", "The release cannot be recorded", written.error().message);
  if (task->state() != TaskState::busy) co_return json_response(202, state);
  co_return problem(409, "busy", "Somebody still uses it", task->problem() + "; it is released as soon as that ends",
                    {{"task", std::move(state)}});
}

Response Api::list_tasks() const {
  json::array all;
  for (const auto& [id, task] : tasks_.all()) all.push_back(act::to_json(*task));
  return json_response(200, {{"tasks", std::move(all)}});
}

Response Api::identity() const {
  if (!services_.here.known()) return not_located();
  auto object = identity_json(services_.here.identity());
  object["took"] = act::seconds(services_.here.took());
  return json_response(200, object);
}

/// Nothing can be said of where volumes would have to be.
Response Api::not_located() const {
  return problem(503, "not-located", "It is not known yet where this instance is", services_.here.missing());
}

Api::Answer Api::explain(const Request& request) {
  auto body = goal_of(request);
  if (body.refusal) co_return *std::move(body.refusal);
  if (!services_.here.known()) co_return not_located();
  std::map<std::string, std::string> nothing_chosen;
  auto plans = co_await world_.planner.plan(std::move(body.goal), std::move(nothing_chosen));
  json::array mounts;
  for (act::MountPlan& plan : plans) {
    json::object mount{{"path", plan.mount.path}};
    if (!plan.mount.instance_path.empty()) mount["instance_path"] = plan.mount.instance_path;
    bool chosen = false;
    for (const std::size_t index : plan.order) {
      decide::Candidate& candidate = plan.candidates[index];
      const auto volume = world_.volumes.find(candidate.name);
      const auto held = volume ? volume->refusal({candidate, plan.mount.options}) : std::nullopt;
      candidate.detail = held ? held->detail : decide::describe(candidate);
      if (held) candidate.verdict = held->verdict;
      if (!held && !std::exchange(chosen, true)) candidate.verdict = decide::Verdict::chosen;
    }
    json::array candidates;
    for (const decide::Candidate& candidate : plan.candidates) candidates.push_back(act::to_json(candidate));
    mount["candidates"] = std::move(candidates);
    mounts.push_back(std::move(mount));
  }
  co_return json_response(200, {{"instance", identity_json(services_.here.identity())}, {"mounts", std::move(mounts)}});
}

Api::Answer Api::volumes() {
  const auto known = co_await world_.planner.known();
  std::map<std::string, json::object> all;
  for (const auto& [name, definition] : known->definitions) {
    all[name] = goal::to_json(definition);
    all[name]["source"] = definition.source;
    if (definition.size > 0) all[name]["size"] = definition.size;  // bytes, as everywhere in answers
  }
  for (const auto& [name, volume] : world_.volumes.all()) {
    if (volume->gone()) continue;
    json::object& object = all[name];
    object["name"] = name;
    object["backend"] = volume->backend();
    object["region"] = volume->description().region;
    object["volume_id"] = volume->description().volume_id;
    if (volume->description().size > 0) object["size"] = volume->description().size;
    object["stage"] = decide::stage_name(volume->step());
    object["attached_by_us"] = volume->attached_by_us();
    if (volume->device()) object["device"] = volume->device()->path;
    if (volume->mounted()) object["mounted_at"] = volume->mounted()->target;
    json::array users;
    for (const act::UserKey& user : volume->users()) users.push_back({{"task", user.task}, {"path", user.path}});
    object["users"] = std::move(users);
  }
  json::array list;
  for (auto& [name, object] : all) list.push_back(std::move(object));
  json::array problems;
  for (const goal::Diagnostic& diagnostic : known->problems)
    problems.push_back(json::string(goal::to_string(diagnostic)));
  co_return json_response(200, {{"volumes", std::move(list)}, {"problems", std::move(problems)}});
}

Api::Answer Api::ready(const Request& request) {
  const auto known = co_await world_.planner.known();
  const auto written = co_await services_.ledger.flush();
  std::string text;
  bool all = true;
  const auto check = [&](std::string_view name, bool good, const std::string& why, bool needed) {
    text += (good ? "[+]" : "[-]") + std::string(name) + (good ? " ok" : ": " + why) + "\n";
    all = all && (good || !needed);
  };
  check("identity", services_.here.known(), services_.here.missing(), true);
  check("ledger", static_cast<bool>(written), written ? "" : written.error().message, true);
  // A definition that cannot be read is no reason to take the whole node out of service.
  check("definitions", known->problems.empty(), known->problems.empty() ? "" : goal::to_string(known->problems.front()),
        false);
  const auto host = tasks_.find(std::string(act::kHostTask));
  const bool host_failed = host && host->state() == TaskState::failed;
  check("host mounts", !host_failed, host_failed ? act::why_failed(*host) : "", false);
  if (flag(request, "verbose"))
    text += all ? "ready\n" : "not ready\n";
  else if (all)
    text = "ok\n";
  co_return plain_text(all ? 200 : 503, std::move(text));
}

Response Api::events(const Request& request) {
  const std::string& resume = request.last_event_id;
  std::uint64_t id = 0;
  const char* const end = resume.data() + resume.size();
  const auto read = std::from_chars(resume.data(), end, id);
  // A number that no event of ours can have is that of another clock, see EventStream.
  if (read.ec == std::errc::result_out_of_range) id = std::numeric_limits<std::uint64_t>::max();
  if (!resume.empty() && (read.ec == std::errc::invalid_argument || read.ptr != end))
    return problem(400, "bad-request", "Last-Event-ID cannot be read", "it is a number, as the `id:` of an event");
  return event_stream_.open(id, !request.query.contains("follow") || flag(request, "follow"));
}

}  // namespace mooring::agent::serve
