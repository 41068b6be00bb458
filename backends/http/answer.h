// Reads an answer out of the bytes of a connection. No I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "backends/http/message.h"

namespace mooring::backends::http {

class AnswerReader {
 public:
  /// `head_only`: no body follows, whatever the header says: HEAD and CONNECT. `body_limit` in bytes.
  AnswerReader(bool head_only, std::size_t body_limit);
  ~AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  /// True: the answer is complete. Answers that only announce another one (1xx) are passed over.
  /// Errors: too_large, broken; the message does not name the host.
  Result<bool> take(std::string_view bytes);

  /// The connection has ended. `cleanly`: by the server's will, not for an error. An answer without a length ends
  /// there.
  Result<void> end(bool cleanly);

  /// After completion: the connection is good for another request.
  [[nodiscard]] bool keeps_connection() const;
  /// After completion, once.
  Response release();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mooring::backends::http
