#include "systemd/activation.h"

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

namespace mooring::systemd {
namespace {

std::string path_of(int descriptor) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (size <= offsetof(sockaddr_un, sun_path)) return {};
  return {address.sun_path};  // empty for one of the abstract names
}

}  // namespace

ActivationResult<std::optional<PassedSocket>> passed_socket() {
  const int count = sd_listen_fds(1);
  if (count < 0)
    return ActivationError{"cannot take the sockets that systemd passed: " + std::generic_category().message(-count)};
  if (count == 0) return std::optional<PassedSocket>();
  if (count > 1)
    return ActivationError{"systemd passed " + std::to_string(count) +
                           " sockets, and there is one API: leave one ListenStream= in moord.socket"};
  PassedSocket passed{posix::FileDescriptor(SD_LISTEN_FDS_START), path_of(SD_LISTEN_FDS_START)};
  if (sd_is_socket_unix(passed.listening.get(), SOCK_STREAM, 1, nullptr, 0) <= 0 || passed.path.empty())
    return ActivationError{
        "the socket that systemd passed is no unix stream socket with a path: moord.socket has to have "
        "ListenStream=/run/mooring/moord.sock, and no Accept=yes"};
  return std::optional<PassedSocket>(std::move(passed));
}

}  // namespace mooring::systemd
