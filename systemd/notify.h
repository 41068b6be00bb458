// Tells the service manager what this daemon is doing (sd_notify(3)). Without a service manager nothing happens.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace mooring::systemd {

/// The API answers: systemd starts what is ordered after this service.
void notify_ready(const std::string& status);
/// One line for `systemctl status`.
void notify_status(const std::string& status);
void notify_stopping();

/// Within which time the service manager wants to hear of us, again and again (WatchdogSec=, sd_watchdog_enabled(3));
/// nothing: it does not.
std::optional<std::chrono::microseconds> watchdog_patience();
void notify_alive();

}  // namespace mooring::systemd
