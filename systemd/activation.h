// Socket activation (sd_listen_fds(3)): systemd listens before this daemon is up, and goes on while it restarts.
#pragma once

#include <optional>
#include <string>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>

#include "posix/file_descriptor.h"

namespace mooring::systemd {

struct PassedSocket {
  posix::FileDescriptor listening;  // a unix stream socket
  std::string path;
};

struct ActivationError {
  std::string message;
};
template <class T>
using ActivationResult = boost::outcome_v2::basic_result<T, ActivationError, boost::outcome_v2::policy::terminate>;

/// The socket that this process was started with; nothing: none. To be called once, before any other process is
/// started. Errors: more than one, or one that is no unix stream socket with a path that is listened on.
ActivationResult<std::optional<PassedSocket>> passed_socket();

}  // namespace mooring::systemd
