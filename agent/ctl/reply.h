// What commands have in common: asking moord, and saying why there is no answer.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "agent/ctl/client.h"
#include "agent/ctl/output.h"
#include "agent/ctl/terminal.h"

namespace mooring::agent::ctl {

enum class Format { table, json, docker, oci };

struct Context {
  Client& client;
  Terminal terminal;
  std::ostream& out;
  std::ostream& err;

  [[nodiscard]] Style out_style() const { return {terminal.out_colour, 0}; }
  [[nodiscard]] Style err_style() const { return {terminal.err_colour, 0}; }
};

/// An answer taken apart: of failure, body and problem there is one; a problem may carry a task.
struct Answer {
  std::optional<Failure> failure;
  unsigned status = 0;
  std::optional<boost::json::object> body;     // of 2xx
  std::optional<boost::json::object> problem;  // of all else, made up if the server sent none that can be read

  /// The task of a body or of a problem.
  [[nodiscard]] const boost::json::object* task() const;
  [[nodiscard]] std::string task_state() const;
};

Answer ask(Client& client, const Call& call);

/// `no moord answers at /run/mooring/moord.sock: …`
std::string failure_text(const std::string& socket, const Failure& failure);

/// Write `moorctl: …` and return the exit status.
int fail(const Context& context, const Failure& failure);
int fail(const Context& context, const boost::json::object& problem, unsigned status);
int fail(const Context& context, int exit_status, const std::string& sentence);
/// Of an answer that has no body.
int fail(const Context& context, const Answer& answer);

}  // namespace mooring::agent::ctl
