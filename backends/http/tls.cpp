#include "backends/http/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>

namespace mooring::backends::http {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

Tls::Tls(std::string ca_file) : ca_file_(std::move(ca_file)) {}

Tls::~Tls() = default;

Result<ssl::context*> Tls::context() {
  if (context_) return context_.get();
  auto fresh = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(fresh->native_handle(), TLS1_2_VERSION);
  error_code error;
  if (ca_file_.empty()) {
    fresh->set_default_verify_paths(error);
  } else {
    fresh->load_verify_file(ca_file_, error);
  }
  const std::string source = ca_file_.empty() ? "the system's store" : ca_file_;
  if (error) return Error{Errc::untrusted, "no CA certificate could be read from " + source, false};
  fresh->set_verify_mode(ssl::verify_peer);
  context_ = std::move(fresh);
  return context_.get();
}

bool expect_host(ssl_st* ssl, const std::string& host) {
  error_code not_an_address;
  boost::asio::ip::make_address(host, not_an_address);
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  // SNI is for names only (RFC 6066, 3).
  if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  std::string name = host;
  if (!name.empty() && name.back() == '.') name.pop_back();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SSL_set_tlsext_host_name without its cast; the name is copied.
  return SSL_set1_host(ssl, name.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

std::string handshake_failure(ssl_st* ssl, const error_code& error) {
  const long verdict = SSL_get_verify_result(ssl);
  return verdict == X509_V_OK ? error.message() : X509_verify_cert_error_string(verdict);
}

}  // namespace mooring::backends::http
