#include "agent/ctl/app.h"

#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "agent/ctl/commands.h"
#include "agent/ctl/exit_status.h"
#include "agent/ctl/help.h"
#include "agent/goal/config.h"
#include "agent/goal/document.h"
#include "agent/goal/fields.h"
#include "agent/goal/words.h"

namespace mooring::agent::ctl {
namespace {

using Command = std::function<int(const Context&)>;

/// What was asked for; filled in while the arguments are read.
struct Arguments {
  std::string socket = goal::Config().api.socket;
  AttachArguments attach;
  ReleaseArguments release;
  WaitArguments wait;
  StatusArguments status;
  GoalArguments explain;
  Format format = Format::table;
  bool follow = false;
  std::vector<std::string> files;
  std::vector<std::string> variables;
  Command command;
};

void add_task(CLI::App& app, std::string& task) {
  app.add_option("--task", task, "Name of the task: 1 to 128 of A-Z a-z 0-9 . _ -")->type_name("ID")->required();
}

void add_timeout(CLI::App& app, std::chrono::milliseconds& timeout, const std::string& standard) {
  const auto read = [&timeout](const std::string& text) {
    const auto value = goal::parse_duration(text);
    if (!value) throw CLI::ValidationError("--timeout", "'" + text + "' is not a duration; write 250ms, 90s, 5m or 1h");
    timeout = *value;
  };
  app.add_option_function<std::string>("--timeout", read, "How long to wait")->type_name("D")->default_str(standard);
}

void add_format(CLI::App& app, Format& format, const std::map<std::string, Format>& formats) {
  std::string words;
  for (const auto& [word, value] : formats) words += (words.empty() ? "" : "|") + word;
  const auto read = [&format, formats, words](const std::string& text) {
    const auto found = formats.find(text);
    if (found == formats.end()) throw CLI::ValidationError("--output", "'" + text + "' is none of " + words);
    format = found->second;
  };
  app.add_option_function<std::string>("-o,--output", read, "What to print")->type_name(words)->default_str("table");
}

const std::map<std::string, Format> kTwoFormats{{"table", Format::table}, {"json", Format::json}};

void add_variables(CLI::App& app, std::vector<std::string>& variables) {
  app.add_option("--var", variables, "Value of a ${{ variable }} in a volume's name; may be given again")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);  // the next word is a MOUNT
}

void add_goal(CLI::App& app, GoalArguments& arguments) {
  app.add_option("-f,--file", arguments.file, "File with the mounts; `-` is standard input")->type_name("FILE");
  app.add_option("MOUNT", arguments.mounts, "Mounts in short form, VOLUME[,VOLUME…]:/path")->type_name("");
  app.add_option("--definitions", arguments.definitions,
                 "File or directory of `type: volume` documents, beside those moord knows; may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false);
  add_variables(app, arguments.variables);
}

CLI::App& add_command(CLI::App& app, const char* name, const char* about, const char* footer, Arguments& arguments,
                      Command command) {
  CLI::App* sub = app.add_subcommand(name, about);
  sub->footer(footer);
  sub->fallthrough();  // --socket may stand behind the command
  sub->callback([&arguments, command = std::move(command)] { arguments.command = command; });
  return *sub;
}

void add_task_commands(CLI::App& app, Arguments& arguments) {
  CLI::App& attaching =
      add_command(app, "attach", "Set a task's goal and wait until its mounts are ready", kAttachFooter, arguments,
                  [&](const Context& c) { return attach(c, arguments.attach); });
  add_task(attaching, arguments.attach.task);
  add_goal(attaching, arguments.attach.goal);
  attaching.add_option("--owner-pid", arguments.attach.goal.owner, "Release the task when this process ends")
      ->type_name("PID");
  add_timeout(attaching, arguments.attach.timeout, "5m");
  attaching.add_flag("--no-wait", arguments.attach.no_wait, "Set the goal only");
  attaching.add_flag("--strict", arguments.attach.strict, "Exit status 5 if an optional mount was left out");
  add_format(attaching, arguments.attach.format,
             {{"table", Format::table}, {"json", Format::json}, {"docker", Format::docker}, {"oci", Format::oci}});

  CLI::App& releasing = add_command(app, "release", "Unmount and detach what a task has, and forget it", kReleaseFooter,
                                    arguments, [&](const Context& c) { return release(c, arguments.release); });
  add_task(releasing, arguments.release.task);
  releasing.add_flag("--force", arguments.release.force, "Unmount it even from under those who still use it");
  add_timeout(releasing, arguments.release.timeout, "60s");
  add_format(releasing, arguments.release.format, kTwoFormats);

  CLI::App& waiting = add_command(app, "wait", "Wait until the mounts of a task are ready; changes nothing",
                                  kWaitFooter, arguments, [&](const Context& c) { return wait(c, arguments.wait); });
  add_task(waiting, arguments.wait.task);
  add_timeout(waiting, arguments.wait.timeout, "5m");
  waiting.add_flag("--strict", arguments.wait.strict, "Exit status 5 if an optional mount was left out");

  CLI::App& showing = add_command(app, "status", "Tasks, their mounts, and where each volume came from", kStatusFooter,
                                  arguments, [&](const Context& c) { return status(c, arguments.status); });
  showing.add_option("TASK", arguments.status.task, "Only this one, with all details")->type_name("");
  showing.add_flag("-w,--watch", arguments.status.watch, "Show it again whenever something changes");
  add_format(showing, arguments.status.format, kTwoFormats);
}

void add_other_commands(CLI::App& app, Arguments& arguments) {
  CLI::App& explaining =
      add_command(app, "explain", "The verdict on every candidate; touches nothing", kExplainFooter, arguments,
                  [&](const Context& c) { return explain(c, arguments.explain, arguments.format); });
  add_goal(explaining, arguments.explain);
  add_format(explaining, arguments.format, kTwoFormats);

  CLI::App& locating = add_command(app, "identity", "Where this instance is", kListFooter, arguments,
                                   [&](const Context& c) { return identity(c, arguments.format); });
  add_format(locating, arguments.format, kTwoFormats);

  CLI::App& listing = add_command(app, "volumes", "The volumes that are defined or in use here", kListFooter, arguments,
                                  [&](const Context& c) { return volumes(c, arguments.format); });
  add_format(listing, arguments.format, kTwoFormats);

  CLI::App& telling = add_command(app, "events", "What happened", kEventsFooter, arguments,
                                  [&](const Context& c) { return events(c, arguments.follow, arguments.format); });
  telling.add_flag("--follow", arguments.follow, "Go on with what happens from now on");
  add_format(telling, arguments.format, kTwoFormats);

  CLI::App& checking = add_command(app, "check", "Validate files without a daemon", kCheckFooter, arguments,
                                   [&](const Context& c) { return check(c, arguments.files, arguments.variables); });
  checking.add_option("-f,--file,files", arguments.files, "Files; `-` is standard input")
      ->type_name("FILE")
      ->required();
  add_variables(checking, arguments.variables);
}

/// What CLI11 says first is not what is wrong with `moorctl atach --task x` or `moorctl attach --tsk x`.
std::string problem_of(const CLI::App& app, const CLI::Error& error) {
  const auto unknown = app.remaining(true);
  const bool required = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (!required) return error.what();
  if (unknown.empty()) return app.get_subcommands().empty() ? "say what to do, as in moorctl status" : error.what();
  const std::string& word = unknown.front();
  if (word.starts_with('-')) return "there is no option " + goal::in_quotes(word);
  if (!app.get_subcommands().empty()) return error.what();
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const auto near = goal::nearest(word, {names.begin(), names.end()});
  return goal::in_quotes(word) + " is no command of moorctl" +
         (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?");
}

std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  const auto commands = app->get_subcommands();
  return "moorctl: " + goal::printable(problem_of(*app, error)) + "\nRead more with: moorctl " +
         (commands.empty() ? "" : commands.front()->get_name() + " ") + "--help\n";
}

int run_command(const Arguments& arguments) {
  Client client(arguments.socket);
  const Context context{client, look_at_terminal(), std::cout, std::cerr};
  const int exit_status = arguments.command(context);
  std::cout.flush();
  // Whoever reads the mounts from us must not take half of them for all.
  if (!std::cout) return fail(context, Exit::kFailed, "standard output cannot be written to");
  return exit_status;
}

}  // namespace

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{kAbout};
  app.set_version_flag("--version", "moorctl " MOORING_VERSION);
  app.add_option("--socket", arguments.socket, "The socket of moord")
      ->envname("MOORING_SOCKET")
      ->type_name("PATH")
      ->capture_default_str();
  app.require_subcommand(1);
  app.failure_message(usage_error);
  app.footer(kFooter);
  try {
    add_task_commands(app, arguments);
    add_other_commands(app, arguments);
    app.parse(argc, argv);
    return run_command(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? Exit::kReady : Exit::kInvalid;
  } catch (const std::exception& bug) {
    std::cerr << "moorctl: " << bug.what() << '\n';
    return Exit::kFailed;
  }
}

}  // namespace mooring::agent::ctl
