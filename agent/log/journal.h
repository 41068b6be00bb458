// The daemon's log in systemd's journal, with fields: `journalctl MOORING_TASK=run-42`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/sinks/sink.h>

namespace mooring::agent {

/// Whether standard error leads into the journal (systemd.exec(5), JOURNAL_STREAM).
bool stderr_is_the_journal();

/// What a message says with `key=value` at its beginning, as fields of the journal: "task=run-42 volume=data mounted"
/// has MOORING_TASK=run-42 and MOORING_VOLUME=data. Pure.
std::vector<std::string> journal_fields(std::string_view message);

/// Writes each message with its fields and its priority (sd_journal_sendv(3)). For one thread.
std::shared_ptr<spdlog::sinks::sink> journal_sink();

}  // namespace mooring::agent
