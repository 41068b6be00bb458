// moord: reads its configuration, wires everything together, and runs until it is told to stop.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "agent/act/host_node.h"
#include "agent/act/status_line.h"
#include "agent/act/tasks.h"
#include "agent/act/whereabouts.h"
#include "agent/goal/config.h"
#include "agent/goal/words.h"
#include "agent/log/log.h"
#include "agent/serve/routes.h"
#include "agent/serve/server.h"
#include "backends/environment.h"
#include "backends/http/client.h"
#include "backends/identify.h"
#include "backends/registry.h"
#include "failpoint/failpoint.h"
#include "mount/host_path.h"
#include "systemd/activation.h"
#include "systemd/notify.h"
#include "trust/trusted_path.h"

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
  const auto file = trust::open_trusted(arguments.config, O_RDONLY);
  if (!file && !arguments.config_given && file.error().error_number == ENOENT) return goal::Config{};
  std::string text;
  int problem = file ? 0 : file.error().error_number;
  if (file) problem = trust::read_all(file.value(), goal::kMaxText + 1, text);
  if (problem != 0) {
    const bool refused = !file && file.error().refused;
    std::cerr << arguments.config
              << ": cannot be read: " << (refused ? file.error().message : std::generic_category().message(problem))
              << '\n';
    return std::nullopt;
  }
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
  const auto definitions = goal::read_definitions_directory(config.definitions, goal::Writers::trusted, problems);
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

act::Settings settings_of(const goal::Config& config) {
  return {.mount_root = config.mount_root,
          .definitions_directory = config.definitions,
          .own_directories = {config.mount_root, config.state_dir, config.definitions, config.backends.local_directory},
          .attach_timeout = config.timeouts.attach,
          .device_timeout = config.timeouts.device,
          .task_timeout = config.timeouts.task};
}

/// A daemon with a thousand clients and disks needs more descriptors than a shell.
void raise_limits() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

backends::IdentitySettings identity_settings(const goal::Config& config) {
  const auto& identity = config.identity;
  return {.provider = identity.provider,
          .region = identity.region,
          .zone = identity.zone,
          .instance_id = identity.instance_id,
          .hints_root = identity.hints_root,
          .metadata = identity.metadata};
}

/// Of the time that an attach may take, what one call of the provider's API may: there has to be some left for a second
/// candidate.
std::chrono::milliseconds share_of(std::chrono::milliseconds attach) {
  return std::clamp<std::chrono::milliseconds>(attach / 4, std::chrono::seconds(4), std::chrono::seconds(20));
}

backends::BackendSettings backend_settings(const goal::Config& config) {
  const auto& aws = config.backends.aws;
  return {.local_directory = config.backends.local_directory,
          .aws = {.endpoint = aws.endpoint,
                  .discover_tag = aws.discover_tag,
                  .profile = aws.profile,
                  .stand_in = aws.stand_in,
                  .patience = share_of(config.timeouts.attach)},
          .metadata = config.identity.metadata};
}

enum class End { stopped, failed, again };

End fail(const std::string& message) {
  spdlog::critical("{}", message);
  return End::failed;
}

/// That systemd listens on, if it does.
using Socket = std::optional<systemd::PassedSocket>;

/// Everything that the daemon is made of, wired together; for one run of its loop.
class Daemon {
 public:
  Daemon(const goal::Config& config, const Socket& socket, state::Ledger& ledger, state::Snapshot snapshot,
         mount::DeviceEvents devices)
      : config_(config),
        socket_(socket),
        snapshot_(std::move(snapshot)),
        client_(context_.get_executor(), client_settings(environment_)),
        node_(context_.get_executor(), slow_, quick_, std::move(devices)),
        writer_(context_.get_executor(), ledger_thread_.get_executor(),
                [&ledger](const std::vector<state::Change>& changes) { return ledger.commit(changes); }),
        events_(act::wall_clock()),
        here_(context_.get_executor()),
        whereabouts_(identity_settings(config), backend_settings(config),
                     {context_.get_executor(), client_, environment_, quick_}, snapshot_),
        services_{context_.get_executor(), here_, settings_of(config), node_, writer_, events_},
        planner_(services_, quick_.get_executor()),
        volumes_(services_),
        world_{services_, planner_, volumes_},
        tasks_(world_),
        stream_(context_.get_executor(), events_),
        api_(world_, tasks_, stream_),
        server_(context_.get_executor(), [this](serve::Request request) { return api_.answer(std::move(request)); }) {}

  End run() {
    const auto start = whereabouts_.settle_at_start(here_, writer_);
    if (start == Outcome::refused) return fail(whereabouts_.problem());
    const auto listening = listen();
    if (!listening) return fail(listening.error().message);
    tasks_.restore(snapshot_, config_.volumes);
    if (!here_.known()) boost::asio::co_spawn(context_, find_out(), rethrow);
    boost::asio::signal_set signals(context_, SIGTERM, SIGINT);
    signals.async_wait([this](boost::system::error_code error, int) {
      if (error) return;
      told_to_stop_ = true;
      boost::asio::co_spawn(context_, stop(), rethrow);
    });
    spdlog::info("moord {} is ready: socket {}", MOORING_VERSION, socket_ ? socket_->path : config_.api.socket);
    systemd::notify_ready(act::status_line(tasks_, here_));
    events_.on_event([this] { tell_status(); });
    // One that is late is not yet one too few.
    if (const auto patience = systemd::watchdog_patience()) feed_watchdog(*patience / 3);
    context_.run();
    // What workers are in the middle of (a mkfs, say) is finished, not broken off.
    slow_.join();
    quick_.join();
    ledger_thread_.join();
    return told_to_stop_ && end_ == End::again ? End::stopped : end_;
  }

 private:
  using Outcome = act::Whereabouts::Outcome;

  static void rethrow(const std::exception_ptr& bug) {
    if (bug) std::rethrow_exception(bug);
  }

  static backends::http::ClientSettings client_settings(const backends::Environment& environment) {
    backends::http::ClientSettings settings;
    settings.user_agent = "moord/" MOORING_VERSION;
    settings.proxies = backends::http::proxies_from(environment);
    return settings;
  }

  serve::Server::Result<void> listen() {
    if (!socket_) return server_.listen(config_.api.socket);
    if (socket_->path != config_.api.socket)
      spdlog::warn("systemd listens at {}, and the configuration has api.socket: {}; moorctl needs --socket {}",
                   socket_->path, config_.api.socket, socket_->path);
    return server_.listen_at(socket_->listening.get(), socket_->path);
  }

  /// Once for all that happens at the same time.
  void tell_status() {
    if (std::exchange(status_due_, true)) return;
    boost::asio::post(context_, [this] {
      status_due_ = false;
      // A service manager that is busy lets it wait.
      boost::asio::post(status_, [line = act::status_line(tasks_, here_)] { systemd::notify_status(line); });
    });
  }

  /// From the loop, so that one that hangs is silent. Workers have no part in it: they may have to wait for a disk, or
  /// a server, as long as it takes, and what hangs in the kernel is not cured by a restart.
  void feed_watchdog(act::Clock::duration interval) {
    systemd::notify_alive();
    watchdog_.expires_after(interval);
    watchdog_.async_wait([this, interval](boost::system::error_code error) {
      if (!error) feed_watchdog(interval);
    });
  }

  boost::asio::awaitable<void> find_out() {
    auto tell = [this] {
      tell_status();
      tasks_.located();
    };
    std::function<void()> still_unknown = tell;
    const auto outcome = co_await whereabouts_.find_out(here_, writer_, std::move(still_unknown));
    if (outcome == Outcome::settled) {
      if (here_.identity().provider == "local" && config_.identity.region.empty())
        spdlog::warn("no cloud was recognised; this instance is in region '{}': set identity.region if it is elsewhere",
                     here_.identity().region);
      tell_status();
      tasks_.located();
      co_return;
    }
    if (outcome == Outcome::other_ledger)
      co_await drop_ledger();
    else
      end_ = fail(whereabouts_.problem());
    co_await stop();
  }

  /// What was asked for since the start stays; with the rest gone, the next life begins.
  boost::asio::awaitable<void> drop_ledger() {
    spdlog::warn("{}", whereabouts_.problem());
    act::LedgerWriter::Ticket ticket = 0;
    for (state::Change& change : act::forget_all(snapshot_, tasks_.asked_for()))
      ticket = writer_.add(std::move(change));
    const auto dropped = co_await writer_.flush(ticket);
    end_ = dropped ? End::again : fail(dropped.error().message);
  }

  /// Nothing is unmounted when the daemon stops: the goals stand, and the next start goes on with them.
  boost::asio::awaitable<void> stop() {
    if (told_to_stop_ || end_ != End::again) systemd::notify_stopping();  // else the next life begins
    api_.stop();
    co_await server_.stop();
    context_.stop();
  }

  const goal::Config& config_;
  const Socket& socket_;
  const state::Snapshot snapshot_;
  const backends::Environment environment_ = backends::process_environment();
  End end_ = End::stopped;
  bool told_to_stop_ = false;
  bool status_due_ = false;
  boost::asio::io_context context_{1};
  boost::asio::thread_pool slow_{kSlowWorkers};
  boost::asio::thread_pool quick_{kQuickWorkers};
  boost::asio::thread_pool ledger_thread_{1};  // SQLite, one call at a time
  boost::asio::strand<boost::asio::thread_pool::executor_type> status_{quick_.get_executor()};
  backends::http::Client client_;
  act::HostNode node_;
  act::LedgerWriter writer_;
  state::Events events_;
  act::Here here_;
  act::Whereabouts whereabouts_;
  act::Services services_;
  act::Planner planner_;
  act::Volumes volumes_;
  act::Task::World world_;
  act::Tasks tasks_;
  serve::EventStream stream_;
  serve::Api api_;
  serve::Server server_;
  act::Timer watchdog_{context_};
};

End live(const goal::Config& config, const Socket& socket) {
  // One who can move it away, or put a link in its place, decides over what is mounted where.
  const auto root = trust::open_trusted(config.mount_root, O_PATH | O_DIRECTORY);
  if (!root && root.error().refused) return fail("cannot use the mount_root: " + root.error().message);
  auto ledger = state::Ledger::open(config.state_dir);
  if (!ledger) return fail(ledger.error().message);
  auto snapshot = ledger.value().load();
  if (!snapshot) return fail(snapshot.error().message);
  auto devices = mount::DeviceEvents::open();
  if (!devices) return fail(devices.error().message);
  return Daemon(config, socket, ledger.value(), std::move(snapshot).value(), std::move(devices).value()).run();
}

int run(const goal::Config& config) {
  raise_limits();
  std::signal(SIGPIPE, SIG_IGN);  // a log or a client that has gone is an error, not an end
  // Twenty workers with a heap each would hold on to memory for ever (mallopt(3)).
  mallopt(M_ARENA_MAX, 2);
  const auto socket = systemd::passed_socket();
  if (!socket) {
    fail(socket.error().message);
    return kFailed;
  }
  for (;;) {
    const End end = live(config, socket.value());
    if (end != End::again) return end == End::stopped ? 0 : kFailed;
  }
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
#ifdef MOORING_FAILPOINTS
  app.add_flag_function(
      "--failpoints",
      [](std::int64_t) {
        for (const std::string& name : failpoint::all()) std::cout << name << '\n';
        throw CLI::Success();
      },
      "List the points at which a test may let it die");
#endif
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
    agent::set_up_log(*config);
    return run(*config);
  } catch (const std::exception& exception) {
    std::cerr << "moord: " << exception.what() << '\n';
    return kFailed;
  }
}
