#include "backends/http/exchange.h"

#include <algorithm>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include "backends/http/answer.h"

namespace mooring::backends::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kPiece = 16384;  // as large as a record of TLS

Time next_limit(const Question& question) { return std::min(after(question.silence), question.deadline); }

Exchange failed(const Question& question, const error_code& error) {
  if (error == asio::error::timed_out) {
    const bool in_all = Clock::now() >= question.deadline;
    const std::string which = in_all ? " did not answer in the time allowed"
                                     : " was silent for " + std::to_string(question.silence.count()) + " ms";
    return {Error{Errc::timed_out, question.host + which, true}, false, false};
  }
  return {Error{Errc::broken, "the connection to " + question.host + " broke: " + error.message(), true}, false, false};
}

Exchange failed(const Question& question, Error error) {
  error.message = "the answer of " + question.host + " " + error.message;
  return {std::move(error), false, false};
}

asio::awaitable<error_code> write(Connection& connection, const Question& question) {
  for (std::size_t sent = 0; sent < question.text.size();) {
    const asio::const_buffer rest = asio::buffer(question.text) + sent;
    const auto [error, count] = co_await connection.write_some(rest, next_limit(question));
    if (error) co_return error;
    sent += count;
  }
  co_return error_code{};
}

/// The end of what the server has to say; `error` is why nothing more could be read.
Exchange ended(const Question& question, AnswerReader& reader, bool silent, const error_code& error) {
  if (error == asio::error::timed_out) return failed(question, error);
  if (silent) {
    Exchange exchange = failed(question, error);
    exchange.dead = true;
    return exchange;
  }
  // With TLS an end without the server's farewell may be somebody else's doing (asio::ssl::error::stream_truncated).
  if (auto end = reader.end(error == asio::error::eof); !end) return failed(question, std::move(end).error());
  return {reader.release(), false, false};
}

asio::awaitable<Exchange> read(Connection& connection, const Question& question) {
  AnswerReader reader(question.head_only, question.body_limit);
  std::vector<char> piece(kPiece);
  bool silent = true;
  while (true) {
    const auto [error, count] = co_await connection.read_some(asio::buffer(piece), next_limit(question));
    if (error) co_return ended(question, reader, silent, error);
    silent = false;
    auto complete = reader.take({piece.data(), count});
    if (!complete) co_return failed(question, std::move(complete).error());
    if (!complete.value()) continue;
    const bool keep = reader.keeps_connection();
    co_return Exchange{reader.release(), keep, false};
  }
}

}  // namespace

asio::awaitable<Exchange> exchange(Connection& connection, const Question& question) {
  const error_code unsent = co_await write(connection, question);
  if (unsent == asio::error::timed_out) co_return failed(question, unsent);
  // A server that refuses a request may answer before it has read all of it: what it says counts more than that the
  // rest could not be written.
  Exchange answered = co_await read(connection, question);
  if (unsent) answered.keep = false;
  co_return answered;
}

}  // namespace mooring::backends::http
