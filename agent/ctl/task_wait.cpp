#include "agent/ctl/task_wait.h"

#include <algorithm>
#include <utility>

#include "agent/ctl/progress.h"

namespace mooring::agent::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kRefresh(250);

Answer ask_once(const Context& context, const TaskWait& wait, std::string_view method, milliseconds time) {
  Call call;
  call.method = method;
  call.target = "/v1/tasks/" + wait.task + "?wait=" + std::to_string(time.count()) + "ms" + wait.query;
  if (method == "PUT") call.body = wait.body;
  call.timeout = patience(time);
  return ask(context.client, call);
}

void show(Progress& progress, const Answer& answer) {
  const Terminal now = look_at_terminal();  // its size may have changed
  // One column less: terminals differ in what they do with a full line.
  auto lines = mount_lines(*answer.task(), {now.out_colour, std::max<std::size_t>(now.width, 2) - 1});
  progress.show(fitted(std::move(lines), std::max<std::size_t>(now.height, 2) - 1));
}

}  // namespace

milliseconds patience(milliseconds wait) {
  // A first request may look volumes up in a cloud, and a flush of the ledger has a disk to wait for.
  constexpr milliseconds kBeyond = std::chrono::seconds(60);
  return wait + kBeyond;
}

Waited wait_for_task(const Context& context, const TaskWait& wait) {
  const auto deadline = Clock::now() + wait.timeout;
  Progress progress(context.out);
  Waited waited{ask_once(context, wait, wait.method, wait.show ? std::min(kRefresh, wait.timeout) : wait.timeout),
                false};
  while (waited.answer.body && waited.answer.task_state() == wait.while_state) {
    waited.accepted = true;
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    if (wait.show) show(progress, waited.answer);
    waited.answer =
        ask_once(context, wait, wait.show ? "GET" : wait.again, wait.show ? std::min(kRefresh, left) : left);
  }
  return waited;
}

}  // namespace mooring::agent::ctl
