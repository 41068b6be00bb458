#include "agent/serve/server.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <list>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "agent/act/signal.h"
#include "agent/goal/words.h"
#include "agent/serve/problem.h"

namespace mooring::agent::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

Peer peer_of(Stream& stream) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(stream.socket().native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return {credentials.pid, credentials.uid};
}

bool read_target(std::string_view target, Request& request) {
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) return false;
  for (const auto& segment : url->segments()) request.path.emplace_back(segment);
  for (const auto& parameter : url->params()) request.query[parameter.key] = parameter.value;
  return true;
}

std::string media_type(std::string_view header) {
  std::string type(header.substr(0, header.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  for (char& letter : type) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return type;
}

/// What a request that could not be read is told; nothing for a client that has just gone.
Response unreadable(const boost::system::error_code& error) {
  if (error == http::error::body_limit)
    return problem(413, "too-large", "The body is too large",
                   "a body may have " + std::to_string(Limits::kBody) + " bytes at most");
  if (error == http::error::header_limit)
    return problem(431, "headers-too-large", "The headers are too large",
                   "the headers may have " + std::to_string(Limits::kHeader) + " bytes at most");
  return problem(400, "bad-request", "This is not an HTTP request", error.message());
}

ino_t inode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool client_has_gone(const boost::system::error_code& error) {
  return error == http::error::end_of_stream || error == asio::error::eof || error == asio::error::connection_reset ||
         error == asio::error::operation_aborted || error == http::error::partial_message ||
         error == beast::error::timeout;  // the stream has closed itself
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::any_io_executor where, Handler what)
      : executor(where), handler(std::move(what)), acceptor(where), session_ended(where) {}

  struct Session {
    explicit Session(Protocol::socket socket) : stream(std::move(socket)), peer(peer_of(stream)) {}
    /// Root, and the user we run as.
    [[nodiscard]] bool is_trusted() const { return peer.uid == 0 || peer.uid == geteuid(); }
    Stream stream;
    Peer peer;
    beast::flat_buffer buffer;
    bool idle = true;  // owes nobody an answer: between two requests, in the middle of reading one, or after the last
    act::Clock::time_point idle_since = act::Clock::now();
    bool has_to_go = false;
  };
  using Sessions = std::list<Session>;

  static asio::awaitable<void> accept(std::shared_ptr<State> self);
  static void begin(const std::shared_ptr<State>& self, Protocol::socket socket);
  static asio::awaitable<void> turn_away(std::shared_ptr<State> self, Sessions::iterator session);
  bool has_room_for(const Session& newcomer);
  template <class Whose>
  bool close_longest_idle(const Session* newcomer, Whose whose);
  static asio::awaitable<void> serve(std::shared_ptr<State> self, Sessions::iterator session);
  asio::awaitable<void> close(Session& session);
  asio::awaitable<bool> answer_one(Session& session);
  /// Without the body, if only the head of the answer was asked for.
  asio::awaitable<bool> send(Session& session, Response response, unsigned version, bool keep_alive, bool only_head);
  asio::awaitable<bool> send_stream(Session& session, Response response, unsigned version);

  asio::any_io_executor executor;
  Handler handler;
  Protocol::acceptor acceptor;
  std::string path;
  ino_t inode = 0;  // of the socket's node
  Sessions sessions;
  act::Signal session_ended;
  bool stopping = false;
};

asio::awaitable<bool> Server::State::send(Session& session, Response response, unsigned version, bool keep_alive,
                                          bool only_head) {
  if (response.stream && !only_head) co_return co_await send_stream(session, std::move(response), version);
  http::response<http::string_body> message{static_cast<http::status>(response.status), version};
  message.set(http::field::server, "moord/" MOORING_VERSION);
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  session.stream.expires_after(std::chrono::seconds(Limits::kWriteSeconds));
  http::response_serializer<http::string_body> serializer{message};
  if (only_head) {
    const auto [error, sent] = co_await http::async_write_header(session.stream, serializer, kNoThrow);
    co_return !error && keep_alive;
  }
  const auto [error, sent] = co_await http::async_write(session.stream, serializer, kNoThrow);
  co_return !error && keep_alive;
}

asio::awaitable<bool> Server::State::send_stream(Session& session, Response response, unsigned version) {
  http::response<http::empty_body> head{static_cast<http::status>(response.status), version};
  head.set(http::field::server, "moord/" MOORING_VERSION);
  head.set(http::field::content_type, response.content_type);
  head.set(http::field::cache_control, "no-store");
  head.keep_alive(false);  // the end of the stream is the end of the connection
  http::response_serializer<http::empty_body> serializer{head};
  const auto [error, sent] = co_await http::async_write_header(session.stream, serializer, kNoThrow);
  if (error) co_return false;
  SendPart send_part = [this, &session](std::string part) -> asio::awaitable<bool> {
    session.stream.expires_after(std::chrono::seconds(Limits::kWriteSeconds));
    const auto [failure, count] = co_await asio::async_write(session.stream, asio::buffer(part), kNoThrow);
    co_return !failure && !stopping;
  };
  co_await response.stream(send_part);
  co_return false;
}

asio::awaitable<bool> Server::State::answer_one(Session& session) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(Limits::kHeader);
  parser.body_limit(Limits::kBody);
  session.idle = true;
  session.idle_since = act::Clock::now();
  session.stream.expires_after(std::chrono::seconds(Limits::kIdleSeconds));
  if (session.buffer.size() == 0) {
    // The time for a request begins with its first byte.
    const auto [error, count] = co_await session.stream.async_read_some(session.buffer.prepare(4096), kNoThrow);
    if (error || session.has_to_go) co_return false;
    session.buffer.commit(count);
  }
  session.stream.expires_after(std::chrono::seconds(Limits::kReadSeconds));
  const auto [error, count] = co_await http::async_read(session.stream, session.buffer, parser, kNoThrow);
  if (session.has_to_go) co_return false;  // what it had sent was read before the cancel: all the same
  session.idle = false;
  if (error && client_has_gone(error)) co_return false;
  if (error) co_return co_await send(session, unreadable(error), 11, false, false);
  session.stream.expires_never();  // how long an answer may take is the handler's business

  auto message = parser.release();
  Request request;
  request.method = std::string(message.method_string());
  request.content_type = media_type(message[http::field::content_type]);
  request.last_event_id = std::string(message["Last-Event-ID"]);
  request.peer = session.peer;
  if (!read_target(message.target(), request))
    co_return co_await send(session,
                            problem(400, "bad-request", "The path cannot be read", goal::printable(message.target())),
                            message.version(), false, false);
  request.body = std::move(message.body());
  const bool only_head = request.method == "HEAD";  // as GET, but for the body (RFC 9110, 9.3.2)
  if (only_head) request.method = "GET";
  auto response = co_await handler(std::move(request));
  const bool keep_alive = message.keep_alive() && !stopping;
  co_return co_await send(session, std::move(response), message.version(), keep_alive, only_head);
}

/// A client that is still sending (a body over the limit, say) would lose the answer if we just closed: what it sends
/// is read and dropped, for a while.
asio::awaitable<void> Server::State::close(Session& session) {
  boost::system::error_code ignored;
  session.stream.socket().shutdown(Protocol::socket::shutdown_send, ignored);
  session.idle = true;  // the answer is out: nobody waits for it to end, neither a stop nor who needs the room
  session.stream.expires_after(std::chrono::seconds(Limits::kDrainSeconds));
  std::size_t dropped = 0;
  while (dropped < Limits::kDrain && !stopping) {
    session.buffer.clear();
    constexpr std::size_t kPiece = 64UL * 1024;
    const auto [error, count] = co_await session.stream.async_read_some(session.buffer.prepare(kPiece), kNoThrow);
    if (error) co_return;
    dropped += count;
  }
}

asio::awaitable<void> Server::State::serve(std::shared_ptr<State> self, Sessions::iterator session) {
  // Not `while (… && co_await …)`: g++ 12 makes broken code of it.
  bool go_on = true;
  while (go_on && !self->stopping) go_on = co_await self->answer_one(*session);
  if (!session->has_to_go) co_await self->close(*session);
  self->sessions.erase(session);
  self->session_ended.notify();
}

/// Of those of `whose` that wait for nothing of ours; false: there is none. Clients have to expect that of a connection
/// that they keep (RFC 9112, 9.5).
template <class Whose>
bool Server::State::close_longest_idle(const Session* newcomer, Whose whose) {
  Session* longest = nullptr;
  for (Session& session : sessions) {
    const bool may_go = session.idle && !session.has_to_go && &session != newcomer && whose(session);
    if (may_go && (longest == nullptr || session.idle_since < longest->idle_since)) longest = &session;
  }
  if (longest == nullptr) return false;
  longest->has_to_go = true;
  longest->stream.cancel();
  return true;
}

/// Where a user has his share, one of his own makes room, if it can.
bool Server::State::has_room_for(const Session& newcomer) {
  if (newcomer.is_trusted()) return true;
  const auto his = [&newcomer](const Session& one) { return one.peer.uid == newcomer.peer.uid; };
  const auto of_others = [](const Session& one) { return !one.is_trusted(); };
  const auto count = [this](auto whose) {
    return static_cast<std::size_t>(
        std::ranges::count_if(sessions, [&](const Session& session) { return !session.has_to_go && whose(session); }));
  };
  if (count(his) > Limits::kOfOneUser) return close_longest_idle(&newcomer, his);
  if (count(of_others) > Limits::kOfOthers) return close_longest_idle(&newcomer, of_others);
  return true;
}

asio::awaitable<void> Server::State::turn_away(std::shared_ptr<State> self, Sessions::iterator session) {
  session->has_to_go = true;
  auto response = problem(503, "too-many-connections", "Too many connections",
                          "this user has " + std::to_string(Limits::kOfOneUser) + " connections, or all users other " +
                              "than root have " + std::to_string(Limits::kOfOthers) +
                              ", and all of them wait for an answer; end some of them");
  co_await self->send(*session, std::move(response), 11, false, false);
  self->sessions.erase(session);
  self->session_ended.notify();
}

void Server::State::begin(const std::shared_ptr<State>& self, Protocol::socket socket) {
  const auto session = self->sessions.emplace(self->sessions.end(), std::move(socket));
  const auto rethrow = [](const std::exception_ptr& bug) {
    if (bug) std::rethrow_exception(bug);
  };
  if (self->has_room_for(*session))
    asio::co_spawn(self->executor, serve(self, session), rethrow);
  else
    asio::co_spawn(self->executor, turn_away(self, session), rethrow);
}

asio::awaitable<void> Server::State::accept(std::shared_ptr<State> self) {
  for (;;) {
    // At the limit, one that is idle has to go as soon as somebody comes, of the others first; where none is, who comes
    // waits in the kernel's queue.
    while (self->sessions.size() >= Limits::kConnections && !self->stopping) {
      co_await self->acceptor.async_wait(Protocol::acceptor::wait_read, kNoThrow);
      if (self->stopping || self->sessions.size() < Limits::kConnections) break;
      if (!self->close_longest_idle(nullptr, [](const Session& one) { return !one.is_trusted(); }))
        self->close_longest_idle(nullptr, [](const Session&) { return true; });
      co_await self->session_ended.wait();
    }
    if (self->stopping) co_return;
    auto [error, socket] = co_await self->acceptor.async_accept(kNoThrow);
    if (self->stopping) co_return;
    if (error) {
      spdlog::error("cannot accept a connection: {}", error.message());
      // Out of descriptors: the next try makes sense when one is given back.
      co_await self->session_ended.wait_until(act::Clock::now() + std::chrono::seconds(1));
      continue;
    }
    begin(self, std::move(socket));
  }
}

Server::Server(asio::any_io_executor executor, Handler handler)
    : state_(std::make_shared<State>(std::move(executor), std::move(handler))) {}

Server::~Server() = default;

Server::Result<void> Server::listen(const std::string& path) {
  const auto failed = [&path](const std::string& what, int error) {
    return Error{"cannot " + what + " the socket " + path + ": " + std::generic_category().message(error)};
  };
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return failed("make the directory of", error.value());
  const auto status = std::filesystem::symlink_status(path, error);
  if (std::filesystem::exists(status) && status.type() != std::filesystem::file_type::socket)
    return Error{"there is something at " + path + " that is not a socket; it was left alone"};
  boost::system::error_code code;
  Protocol::socket other(state_->executor);
  if (std::filesystem::exists(status) && path.size() < sizeof(sockaddr_un::sun_path)) {
    other.connect(Protocol::endpoint(path), code);
    if (!code) return Error{"another daemon answers at " + path + "; stop it first, or use another api.socket"};
    code.clear();
  }
  std::filesystem::remove(path, error);
  const mode_t mask = umask(0117);  // 0660 from its first moment
  state_->acceptor.open(Protocol());
  if (path.size() >= sizeof(sockaddr_un::sun_path)) code = asio::error::name_too_long;
  if (!code) state_->acceptor.bind(Protocol::endpoint(path), code);
  umask(mask);
  if (!code) state_->acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code) return failed("listen on", code.value());
  if (const group* mooring = getgrnam("mooring"))
    if (chown(path.c_str(), 0, mooring->gr_gid) != 0) spdlog::warn("cannot give {} to the group mooring", path);
  state_->path = path;
  state_->inode = inode_of(path);
  asio::co_spawn(state_->executor, State::accept(state_), asio::detached);
  return boost::outcome_v2::success();
}

Server::Result<void> Server::listen_at(int descriptor, const std::string& path) {
  const int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  boost::system::error_code code(own < 0 ? errno : 0, boost::system::system_category());
  if (!code) state_->acceptor.assign(Protocol(), own, code);
  if (code && own >= 0) ::close(own);
  if (code) return Error{"cannot take the socket " + path + ": " + code.message()};
  asio::co_spawn(state_->executor, State::accept(state_), asio::detached);
  return boost::outcome_v2::success();
}

void Server::serve(Protocol::socket connected) { State::begin(state_, std::move(connected)); }

asio::awaitable<void> Server::stop() {
  state_->stopping = true;
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  if (state_->inode != 0 && inode_of(state_->path) == state_->inode)
    unlink(state_->path.c_str());  // not the socket of another one
  for (State::Session& session : state_->sessions)
    if (session.idle) session.stream.cancel();
  state_->session_ended.notify();
  while (!state_->sessions.empty()) co_await state_->session_ended.wait();
}

}  // namespace mooring::agent::serve
