#include "backends/http/answer.h"

#include <cstdint>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace mooring::backends::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

namespace {

// Beast allows 8 KiB, which some proxies exceed.
constexpr std::uint32_t kLongestHead = 64U * 1024;

Error failed(const error_code& error) {
  using Known = beast::http::error;
  if (error == Known::header_limit || error == Known::body_limit || error == Known::buffer_overflow)
    return {Errc::too_large, "is too large", true};
  if (error == Known::partial_message || error == Known::end_of_stream) return {Errc::broken, "ended too early", true};
  return {Errc::broken, "is not HTTP: " + error.message(), true};
}

}  // namespace

struct AnswerReader::State {
  bool head_only;
  std::size_t body_limit;
  beast::flat_buffer rest;    // bytes that the parser could not use yet
  std::size_t head_size = 0;  // bytes of status lines and headers so far
  std::optional<beast::http::response_parser<beast::http::string_body>> parser;

  void begin() {
    parser.emplace();
    parser->eager(true);
    parser->skip(head_only);
    parser->header_limit(kLongestHead);
    parser->body_limit(body_limit);
  }

  /// Beast's own limit is for a single field if the header comes in pieces, and it has none for lines between chunks.
  [[nodiscard]] bool too_much_head() const {
    const bool in_head = !parser->is_header_done() || parser->is_done();
    return in_head ? head_size + rest.size() > kLongestHead : rest.size() > kLongestHead;
  }
};

AnswerReader::AnswerReader(bool head_only, std::size_t body_limit) : state_(std::make_unique<State>()) {
  state_->head_only = head_only;
  state_->body_limit = body_limit;
  state_->begin();
}

AnswerReader::~AnswerReader() = default;

Result<bool> AnswerReader::take(std::string_view bytes) {
  beast::flat_buffer& rest = state_->rest;
  rest.commit(asio::buffer_copy(rest.prepare(bytes.size()), asio::buffer(bytes)));
  while (rest.size() > 0) {
    auto& parser = *state_->parser;
    const bool was_head = !parser.is_header_done();
    error_code error;
    const std::size_t used = parser.put(rest.data(), error);
    rest.consume(used);
    if (was_head) state_->head_size += used;
    const bool incomplete = error == beast::http::error::need_more;
    if (error && !incomplete) return failed(error);
    // Three digits are a status for Beast; below 100 there is none (RFC 9110, 15).
    if (parser.is_header_done() && parser.get().result_int() < 100) return failed(beast::http::error::bad_status);
    if (parser.is_done() && parser.get().result_int() >= 200) return true;
    if (parser.is_done() && parser.get().result_int() == 101)
      return Error{Errc::broken, "changes to another protocol, which nobody asked for", true};
    if (state_->too_much_head()) return failed(beast::http::error::header_limit);
    if (parser.is_done()) state_->begin();
    if (incomplete) return false;
  }
  return false;
}

Result<void> AnswerReader::end(bool cleanly) {
  error_code error = beast::http::error::partial_message;
  if (cleanly && state_->parser->got_some()) state_->parser->put_eof(error);
  if (error) return failed(error);
  return boost::outcome_v2::success();
}

bool AnswerReader::keeps_connection() const { return state_->parser->keep_alive() && state_->rest.size() == 0; }

Response AnswerReader::release() {
  auto message = state_->parser->release();
  Response response;
  response.status = message.result_int();
  for (const auto& field : message) response.headers.emplace_back(field.name_string(), field.value());
  response.body = std::move(message.body());
  return response;
}

}  // namespace mooring::backends::http
