#include "agent/log/log.h"

#include <memory>
#include <string>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>

#include "agent/goal/words.h"
#include "agent/log/journal.h"

namespace mooring::agent {
namespace {

/// The message on one line: names in it come from elsewhere, and are not to forge lines or to control a terminal.
class PlainMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = goal::printable({message.payload.data(), message.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PlainMessage>();
  }
};

/// The same as a JSON string.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string plain = goal::printable({message.payload.data(), message.payload.size()});
    const std::string text = boost::json::serialize(boost::json::string_view(plain));
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

}  // namespace

void set_up_log(const goal::Config& config) {
  const bool json = config.log.format == "json";
  if (!json && stderr_is_the_journal()) {
    auto logger = std::make_shared<spdlog::logger>("moord", journal_sink());
    logger->set_level(spdlog::level::from_str(config.log.level));
    spdlog::set_default_logger(std::move(logger));
    return;
  }
  auto logger = spdlog::stderr_logger_st("moord");
  logger->set_level(spdlog::level::from_str(config.log.level));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (json)
    formatter->add_flag<JsonMessage>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})");
  else
    formatter->add_flag<PlainMessage>('*').set_pattern("%H:%M:%S.%e %-7l %*");
  logger->set_formatter(std::move(formatter));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace mooring::agent
