// moord: reads its configuration, wires everything together, and runs until it is told to stop.
#include <cerrno>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <malloc.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/serialize.hpp>

#include "agent/act/host_node.h"
#include "agent/act/tasks.h"
#include "agent/goal/config.h"
#include "agent/serve/routes.h"
#include "agent/serve/server.h"
#include "backends/identify.h"
#include "backends/registry.h"
#include "mount/host_path.h"
#include "systemd/notify.h"

namespace {

using namespace mooring;
using namespace mooring::agent;

constexpr int kFailed = 1;
constexpr int kInvalid = 2;
constexpr std::size_t kSlowWorkers = 16;  // what waits for disks, at once; a hung one keeps its worker
constexpr std::size_t kQuickWorkers = 4;

constexpr const char* kDefaultConfig = "/etc/mooring/moord.yaml";

struct Arguments {
  std::string config = kDefaultConfig;
  bool config_given = false;
  bool check = false;
};

/// The configuration, or nothing after its errors were told.
std::optional<goal::Config> read_config(const Arguments& arguments) {
  std::ifstream file(arguments.config, std::ios::binary);
  if (!file && !arguments.config_given && access(arguments.config.c_str(), F_OK) != 0) return goal::Config{};
  int problem = file ? 0 : errno;
  if (file && std::filesystem::is_directory(arguments.config)) problem = EISDIR;
  if (problem != 0) {
    std::cerr << arguments.config << ": cannot be read: " << std::generic_category().message(problem) << '\n';
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  goal::Diagnostics diagnostics(arguments.config);
  const auto documents = goal::parse(text, goal::Format::yaml, diagnostics);
  auto config = goal::read_config(documents, diagnostics);
  for (const goal::Diagnostic& error : diagnostics.all()) std::cerr << goal::to_string(error) << '\n';
  if (!diagnostics.ok()) return std::nullopt;
  return config;
}

/// Validates all that a start would read, and says so.
int check(const goal::Config& config) {
  std::vector<goal::Diagnostic> problems;
  const auto definitions = goal::read_definitions_directory(config.definitions, problems);
  for (const goal::Diagnostic& problem : problems) std::cerr << goal::to_string(problem) << '\n';
  bool valid = problems.empty();
  for (const goal::Mount& mount : config.volumes) {
    const auto allowed = mount::allowed_host_path(mount.path);  // rule 17
    if (!allowed) std::cerr << "volumes: " << allowed.error().message << '\n';
    valid = valid && allowed.has_value();
  }
  if (!valid) return kInvalid;
  if (!std::filesystem::exists(config.definitions))
    std::cout << "There is no directory " << config.definitions << ": no volumes are defined.\n";
  std::cout << "The configuration is valid; " << definitions.size() << " volume definitions in " << config.definitions
            << ".\n";
  return 0;
}

/// The message as a JSON string, quotes and control characters escaped.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text =
        boost::json::serialize(boost::json::string_view(message.payload.data(), message.payload.size()));
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

void set_up_log(const goal::Config& config) {
  auto logger = spdlog::stderr_logger_st("moord");
  logger->set_level(spdlog::level::from_str(config.log.level));
  // Under systemd the journal adds the time itself.
  const bool journal = getenv("JOURNAL_STREAM") != nullptr;
  if (config.log.format == "json") {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JsonMessage>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_pattern(journal ? "%v" : "%H:%M:%S.%e %-7l %v");
  }
  spdlog::set_default_logger(std::move(logger));
}

act::Settings settings_of(const goal::Config& config) {
  return {.mount_root = config.mount_root,
          .definitions_directory = config.definitions,
          .attach_timeout = config.timeouts.attach,
          .device_timeout = config.timeouts.device,
          .task_timeout = config.timeouts.task};
}

int fail(const std::string& message) {
  spdlog::critical("{}", message);
  return kFailed;
}

/// An instance keeps the id under which it has attached volumes, even if its host name changes meanwhile.
backends::Result<backends::Identity> identify(const goal::Config& config, const state::Snapshot& snapshot) {
  const auto& wanted = config.identity;
  const std::string& id = wanted.instance_id.empty() ? snapshot.instance : wanted.instance_id;
  BOOST_OUTCOME_TRY(auto identity, backends::identify({wanted.provider, wanted.region, wanted.zone, id}));
  if (!snapshot.volumes.empty() && !snapshot.instance.empty() && snapshot.instance != identity.instance_id)
    return backends::Error{
        backends::Errc::denied,
        "volumes are attached here as instance '" + snapshot.instance + "', but this is instance '" +
            identity.instance_id +
            "' by the configuration (identity.instance_id): set it back, release them, then change it",
        {}};
  if (wanted.provider == "auto" && wanted.region.empty())
    spdlog::warn("no cloud was recognised; this instance is in region '{}': set identity.region if it is elsewhere",
                 identity.region);
  return identity;
}

/// Nothing is unmounted when the daemon stops: the goals stand, and the next start goes on with them.
boost::asio::awaitable<void> stop(serve::Api& api, serve::Server& server, boost::asio::io_context& context) {
  systemd::notify_stopping();
  api.stop();
  co_await server.stop();
  context.stop();
}

/// A daemon with a thousand clients and disks needs more descriptors than a shell.
void raise_limits() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int run(const goal::Config& config) {
  raise_limits();
  std::signal(SIGPIPE, SIG_IGN);  // a log or a client that has gone is an error, not an end
  // Twenty workers with a heap each would hold on to memory for ever (mallopt(3)).
  mallopt(M_ARENA_MAX, 2);
  boost::asio::io_context context(1);
  boost::asio::thread_pool slow(kSlowWorkers);
  boost::asio::thread_pool quick(kQuickWorkers);

  auto ledger = state::Ledger::open(config.state_dir);
  if (!ledger) return fail(ledger.error().message);
  auto snapshot = ledger.value().load();
  if (!snapshot) return fail(snapshot.error().message);
  const auto identity = identify(config, snapshot.value());
  if (!identity) return fail(identity.error().message);
  auto registry = backends::make_backends({config.backends.local_directory}, identity.value(), quick);

  auto devices = mount::DeviceEvents::open();
  if (!devices) return fail(devices.error().message);

  act::HostNode node(context.get_executor(), slow, quick, std::move(devices).value());
  act::LedgerWriter writer(context.get_executor(), ledger.value());
  // On disk before, or with, the first attachment that is made under this id.
  if (snapshot.value().instance != identity.value().instance_id)
    writer.add(state::InstanceRecord{identity.value().instance_id});
  state::Events events(act::wall_clock());
  act::Services services{context.get_executor(), identity.value(), settings_of(config), node, registry, writer, events};
  act::Planner planner(services, quick);
  act::Volumes volumes(services);
  act::Task::World world{services, planner, volumes};
  act::Tasks tasks(world);
  serve::EventStream stream(context.get_executor(), events);
  serve::Api api(world, tasks, stream);
  serve::Server server(context.get_executor(),
                       [&api](serve::Request request) { return api.answer(std::move(request)); });

  const auto listening = server.listen(config.api.socket);
  if (!listening) return fail(listening.error().message);
  tasks.restore(snapshot.value(), config.volumes);

  boost::asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&](boost::system::error_code error, int) {
    if (!error) boost::asio::co_spawn(context, stop(api, server, context), boost::asio::detached);
  });
  spdlog::info("moord {} is ready: {} {}, instance {}, socket {}", MOORING_VERSION, identity.value().provider,
               identity.value().region, identity.value().instance_id, config.api.socket);
  systemd::notify_ready("ready in " + identity.value().region);
  context.run();
  // What workers are in the middle of (a mkfs, say) is finished, not broken off.
  slow.join();
  quick.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "moord: ties this instance to its storage. Attaches and mounts the volumes that tasks ask for,\n"
      "choosing for each mount the first volume of a list that can be had in this region."};
  app.set_version_flag("--version", "moord " MOORING_VERSION);
  Arguments arguments;
  auto* config_option = app.add_option("--config", arguments.config, "Configuration file; needed only if it is named")
                            ->type_name("FILE")
                            ->capture_default_str();
  app.add_flag("--check", arguments.check, "Validate the configuration and the volume definitions, then exit");
  app.footer(
      "Runs in the foreground until SIGTERM. Stopping it unmounts nothing.\nTalk to it with moorctl(1).\n\n"
      "Exit status: 0 stopped, or --check found all valid · 1 cannot run: the log says why · 2 usage, or the\n"
      "configuration is not valid");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kInvalid;
  }
  arguments.config_given = config_option->count() > 0;
  try {
    const auto config = read_config(arguments);
    if (!config) return kInvalid;
    if (arguments.check) return check(*config);
    set_up_log(*config);
    return run(*config);
  } catch (const std::exception& exception) {
    std::cerr << "moord: " << exception.what() << '\n';
    return kFailed;
  }
}
