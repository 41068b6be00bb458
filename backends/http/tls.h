// TLS as a client: version 1.2 or later, the server's name checked against its certificate.
#pragma once

#include <memory>
#include <string>

#include <boost/system/error_code.hpp>

#include "backends/http/message.h"

struct ssl_st;

namespace boost::asio::ssl {
class context;
}

namespace mooring::backends::http {

/// The certificates that are trusted. Read when they are first needed: most instances never speak TLS.
class Tls {
 public:
  /// `ca_file`: PEM; empty: OpenSSL's default store, with SSL_CERT_FILE and SSL_CERT_DIR.
  explicit Tls(std::string ca_file);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  /// Valid as long as this. Blocks for as long as it takes to read the certificates, once. Errors: untrusted.
  Result<boost::asio::ssl::context*> context();

 private:
  std::string ca_file_;
  std::unique_ptr<boost::asio::ssl::context> context_;
};

/// Before the handshake: which server is meant. `host` is a name or an address, without brackets. False: out of memory.
bool expect_host(ssl_st* ssl, const std::string& host);

/// After a handshake that failed: what was wrong, in OpenSSL's words.
std::string handshake_failure(ssl_st* ssl, const boost::system::error_code& error);

}  // namespace mooring::backends::http
