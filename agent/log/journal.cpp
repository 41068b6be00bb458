#include "agent/log/journal.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <iostream>

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "agent/goal/words.h"

namespace mooring::agent {
namespace {

constexpr std::array<std::string_view, 6> kFields{"task", "volume", "stage", "device", "verdict", "state"};

int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return LOG_CRIT;
    case spdlog::level::err:
      return LOG_ERR;
    case spdlog::level::warn:
      return LOG_WARNING;
    case spdlog::level::info:
      return LOG_INFO;
    default:
      return LOG_DEBUG;
  }
}

class JournalSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    std::vector<std::string> fields = journal_fields(text);
    fields.push_back("MESSAGE=" + goal::printable(text));
    fields.push_back("PRIORITY=" + std::to_string(priority_of(message.level)));
    fields.emplace_back("SYSLOG_IDENTIFIER=moord");
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (std::string& field : fields) parts.push_back({field.data(), field.size()});
    if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0) return;
    std::cerr << goal::printable(text) << std::endl;  // NOLINT(performance-avoid-endl): it may be the last one
  }
  void flush_() override {}
};

}  // namespace

bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): before there are threads
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::vector<std::string> journal_fields(std::string_view message) {
  std::vector<std::string> fields;
  while (true) {
    const auto equals = message.find('=');
    const auto key = message.substr(0, equals);
    if (equals == std::string_view::npos || std::ranges::find(kFields, key) == kFields.end()) return fields;
    const auto end = std::min(message.find(' '), message.size());
    std::string name = "MOORING_";
    for (const char letter : key) name += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    fields.push_back(name + "=" + goal::printable(message.substr(equals + 1, end - equals - 1)));
    message.remove_prefix(std::min(end + 1, message.size()));
  }
}

std::shared_ptr<spdlog::sinks::sink> journal_sink() { return std::make_shared<JournalSink>(); }

}  // namespace mooring::agent
