// A server inside a test: real sockets on 127.0.0.1, and TLS with certificates made on the spot.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/ssl.h>

namespace mooring::backends::http {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

struct Identity {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
};

/// A certificate authority of its own, with its certificate in a file.
class Authority {
 public:
  Authority();
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::string& file() const { return file_; }
  /// `names` as in subjectAltName: "DNS:name,IP:127.0.0.1".
  [[nodiscard]] Identity issue(const std::string& names) const;

 private:
  Identity self_;
  std::string file_;
};

/// One connection, as the server sees it. All calls block; all fail quietly once the connection is gone.
class Peer {
 public:
  Peer(int descriptor, unsigned number) : descriptor_(descriptor), number_(number) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool start_tls(const Identity& identity, int latest_version = TLS1_3_VERSION);
  /// Head and body; empty: the client has gone.
  std::string read_request();
  bool write(std::string_view bytes);
  /// Until the client closes.
  void wait_for_end();
  /// Waits that long for the client to close; true: it did.
  bool ends_within(int milliseconds);
  /// No FIN but an RST.
  void reset();
  /// The server name that the client asked for (SNI); empty: none.
  [[nodiscard]] std::string server_name() const;
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// 1 for the first connection of the server.
  [[nodiscard]] unsigned number() const { return number_; }

 private:
  friend class Server;
  bool read_more();

  int descriptor_;
  unsigned number_;
  std::string received_;
  Owned<SSL_CTX> context_;
  Owned<SSL> ssl_;
};

class Server {
 public:
  using Serve = std::function<void(Peer&)>;
  /// `serve` is called for each connection, on a thread of its own.
  explicit Server(Serve serve);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] unsigned port() const { return port_; }
  [[nodiscard]] unsigned accepted() const { return accepted_; }
  [[nodiscard]] std::string url(const std::string& target = "/", const std::string& host = "127.0.0.1",
                                const std::string& scheme = "http") const {
    return scheme + "://" + host + ":" + std::to_string(port_) + target;
  }

 private:
  void accept_all();

  Serve serve_;
  unsigned port_ = 0;
  int listener_;
  std::atomic<unsigned> accepted_ = 0;
  std::mutex mutex_;
  std::list<Peer> peers_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

/// A port of 127.0.0.1 that takes no connection: its queue is full.
class BlackHole {
 public:
  BlackHole();
  ~BlackHole();
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;
  [[nodiscard]] unsigned port() const { return port_; }

 private:
  unsigned port_ = 0;
  int listener_;
  std::vector<int> waiting_;
};

/// A port of 127.0.0.1 where nobody listens.
unsigned closed_port();

/// A whole answer.
std::string answer(int status, const std::string& body, const std::string& headers = "");

/// Answers each request of each connection.
Server::Serve always(std::string bytes);

}  // namespace mooring::backends::http
