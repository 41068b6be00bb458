#include "http_server.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mooring::backends::http {
namespace {

sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bound_socket(unsigned& port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  EXPECT_EQ(bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t length = sizeof address;
  EXPECT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length), 0);
  port = ntohs(address.sin_port);
  return descriptor;
}

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// `issuer` empty: signs itself.
Identity make_identity(const std::string& common_name, const std::string& names, const Identity* issuer) {
  static std::atomic<long> serial = 1;
  Identity identity{Owned<EVP_PKEY>(EVP_EC_gen("P-256")), Owned<X509>(X509_new())};
  X509* certificate = identity.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, identity.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  if (issuer == nullptr) add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
  if (!names.empty()) add_extension(certificate, signer, NID_subject_alt_name, names);
  X509_sign(certificate, issuer == nullptr ? identity.key.get() : issuer->key.get(), EVP_sha256());
  return identity;
}

// Each has a name of its own: else one would be taken for another with a wrong key.
std::atomic<int> authorities = 0;

}  // namespace

Authority::Authority() : self_(make_identity("Mooring test CA " + std::to_string(++authorities), "", nullptr)) {
  file_ = (std::filesystem::temp_directory_path() / "http_ca.XXXXXX").string();
  FILE* file = fdopen(mkstemp(file_.data()), "w");
  PEM_write_X509(file, self_.certificate.get());
  fclose(file);
}

Authority::~Authority() { std::filesystem::remove(file_); }

Identity Authority::issue(const std::string& names) const { return make_identity("server", names, &self_); }

Peer::~Peer() {
  ssl_.reset();
  if (descriptor_ >= 0) close(descriptor_);
}

bool Peer::start_tls(const Identity& identity, int latest_version) {
  context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_security_level(context_.get(), 0);  // so that versions can be offered which are too old
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), latest_version);
  SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), descriptor_);
  return SSL_accept(ssl_.get()) == 1;
}

bool Peer::read_more() {
  char bytes[16384];
  const auto count = ssl_ ? SSL_read(ssl_.get(), bytes, sizeof bytes) : recv(descriptor_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  received_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

std::string Peer::read_request() {
  std::size_t end = 0;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return {};
  }
  end += 4;
  const auto length = received_.find("Content-Length: ");
  if (length < end) end += std::stoul(received_.substr(length + 16));
  while (received_.size() < end) {
    if (!read_more()) return {};
  }
  std::string request = received_.substr(0, end);
  received_.erase(0, end);
  return request;
}

bool Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                            : send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Peer::wait_for_end() {
  while (read_more()) received_.clear();
}

bool Peer::ends_within(int milliseconds) {
  pollfd waiting{descriptor_, POLLRDHUP, 0};
  return poll(&waiting, 1, milliseconds) != 0;
}

void Peer::reset() {
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string Peer::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

Server::Server(Serve serve) : serve_(std::move(serve)), listener_(bound_socket(port_)) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  EXPECT_EQ(listen(listener_, 16), 0);
  acceptor_ = std::thread([this] { accept_all(); });
}

void Server::accept_all() {
  while (true) {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const unsigned number = ++accepted_;
    const std::lock_guard lock(mutex_);
    Peer& peer = peers_.emplace_back(descriptor, number);
    threads_.emplace_back([this, &peer] {
      serve_(peer);
      const std::lock_guard closing(mutex_);
      peer.ssl_.reset();
      close(std::exchange(peer.descriptor_, -1));
    });
  }
}

Server::~Server() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const Peer& peer : peers_) {
      if (peer.descriptor_ >= 0) shutdown(peer.descriptor_, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

BlackHole::BlackHole() : listener_(bound_socket(port_)) {
  EXPECT_EQ(listen(listener_, 0), 0);
  // listen(2): a queue of length 0 holds one connection all the same. The others here see to it that it stays full.
  for (int i = 0; i < 4; ++i) {
    waiting_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address = loopback(port_);
    connect(waiting_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
}

BlackHole::~BlackHole() {
  for (const int descriptor : waiting_) close(descriptor);
  close(listener_);
}

unsigned closed_port() {
  unsigned port = 0;
  close(bound_socket(port));
  return port;
}

std::string answer(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body;
}

Server::Serve always(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    while (!peer.read_request().empty()) peer.write(bytes);
  };
}

}  // namespace mooring::backends::http
