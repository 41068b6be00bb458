#include "backends/aws/sigv4.h"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "backends/aws/encode.h"
#include "backends/aws/time.h"
#include "backends/http/text.h"
#include "backends/http/url.h"

namespace mooring::backends::aws {
namespace {

constexpr std::size_t kHashSize = 32;  // SHA-256
constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kEnd = "aws4_request";
constexpr std::array<std::string_view, 3> kOwnHeaders{"x-amz-date", "x-amz-security-token", "authorization"};

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, kHashSize> hash{};
  if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("this OpenSSL does no SHA-256");
  return {hash.begin(), hash.end()};
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, kHashSize> code{};
  std::size_t size = 0;
  if (EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(),
                reinterpret_cast<const unsigned char*>(text.data()), text.size(), code.data(), code.size(),
                &size) == nullptr)
    throw std::runtime_error("this OpenSSL does no HMAC-SHA256");
  return {code.begin(), code.end()};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

/// Without empty and dot segments, and encoded once more than it goes out (so for every service but S3).
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..")
      kept.push_back(segment);
    else if (!kept.empty())
      kept.pop_back();
  }
  std::string result;
  for (const std::string_view segment : kept) {
    result += '/';
    append_encoded(result, segment);
  }
  if (result.empty() || path.ends_with('/')) result += '/';
  return result;
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const std::string_view piece : split(query, '&')) {
    const auto equals = piece.find('=');
    pairs.emplace_back(piece.substr(0, equals),
                       equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string result;
  for (const auto& [name, value] : pairs) {
    if (&name != &pairs.front().first) result += '&';
    result.append(name).append("=").append(value);
  }
  return result;
}

/// Without white space at its ends, and one space for each run of it within.
std::string trimmed(std::string_view value) {
  std::string result;
  bool gap = false;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (!space && gap && !result.empty()) result += ' ';
    if (!space) result += c;
    gap = space;
  }
  return result;
}

/// By name in lower case; the values of a repeated one in their order.
std::map<std::string, std::string> headers_to_sign(const http::Headers& headers, const std::string& host) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : headers) {
    const auto [at, fresh] = result.try_emplace(http::lower(name), trimmed(value));
    if (!fresh) at->second.append(",").append(trimmed(value));
  }
  result["host"] = host;  // of the URL: the client sends no other
  return result;
}

}  // namespace

void sign(http::Request& request, const Credentials& credentials, const SigningScope& scope) {
  auto& headers = request.headers;
  const auto own = [](const auto& header) {
    return std::find(kOwnHeaders.begin(), kOwnHeaders.end(), http::lower(header.first)) != kOwnHeaders.end();
  };
  headers.erase(std::remove_if(headers.begin(), headers.end(), own), headers.end());
  const std::string time = compact_time(scope.time);
  headers.emplace_back("X-Amz-Date", time);
  if (!credentials.session_token.empty()) headers.emplace_back("X-Amz-Security-Token", credentials.session_token);

  // What is no URL the client will not send either.
  const auto parsed = http::parse_url(request.url);
  const http::Url url = parsed ? parsed.value() : http::Url{};
  const std::string_view target = url.target;
  const auto question = target.find('?');
  const auto query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  std::string names;
  std::string lines;
  for (const auto& [name, value] : headers_to_sign(headers, url.authority())) {
    if (!names.empty()) names += ';';
    names += name;
    lines += name + ":" + value + "\n";
  }
  const std::string canonical = request.method + "\n" + canonical_path(target.substr(0, question)) + "\n" +
                                canonical_query(query) + "\n" + lines + "\n" + names + "\n" + hex(sha256(request.body));
  const std::string date = time.substr(0, 8);
  std::string what = date;
  for (const std::string_view part : {scope.region, scope.service, kEnd}) what.append("/").append(part);
  const std::string to_sign = std::string(kAlgorithm) + "\n" + time + "\n" + what + "\n" + hex(sha256(canonical));
  std::string key = hmac("AWS4" + credentials.secret_access_key, date);
  for (const std::string_view part : {scope.region, scope.service, kEnd}) key = hmac(key, part);
  headers.emplace_back("Authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
                                            what + ", SignedHeaders=" + names +
                                            ", Signature=" + hex(hmac(key, to_sign)));
}

}  // namespace mooring::backends::aws
