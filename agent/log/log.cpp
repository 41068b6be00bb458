#include "agent/log/log.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>

namespace mooring::agent {
namespace {

/// The message as a JSON string, quotes and control characters escaped.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text =
        boost::json::serialize(boost::json::string_view(message.payload.data(), message.payload.size()));
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

}  // namespace

void set_up_log(const goal::Config& config) {
  auto logger = spdlog::stderr_logger_st("moord");
  logger->set_level(spdlog::level::from_str(config.log.level));
  // Under systemd the journal adds the time itself.
  const bool journal = getenv("JOURNAL_STREAM") != nullptr;
  if (config.log.format == "json") {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JsonMessage>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_pattern(journal ? "%v" : "%H:%M:%S.%e %-7l %v");
  }
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace mooring::agent
