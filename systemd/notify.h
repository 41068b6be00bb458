// Tells the service manager what this daemon is doing (sd_notify(3)). Without a service manager nothing happens.
#pragma once

#include <string>

namespace mooring::systemd {

/// The API answers: systemd starts what is ordered after this service.
void notify_ready(const std::string& status);
/// One line for `systemctl status`.
void notify_status(const std::string& status);
void notify_stopping();

}  // namespace mooring::systemd
