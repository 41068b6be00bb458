// Asks the credential chain for test_credentials.py, as often as there are lines on its input, over real sockets:
//   credentials_probe REGION IMDS_URL < lines: "get", "refused" (of the last ones), "get 5" (five callers at once)
// Prints a JSON object for each get: {source, expires, access_key_id} or {error, code}.
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "backends/aws/credential_chain.h"
#include "backends/metadata.h"

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace mooring::backends;
using Answer = Result<std::shared_ptr<const aws::Credentials>>;

json::object describe(const Answer& answer) {
  if (!answer)
    return {{"error", answer.error().message},
            {"code", answer.error().code == Errc::denied ? "denied" : "unavailable"}};
  const auto& credentials = *answer.value();
  json::object result{
      {"source", credentials.source}, {"access_key_id", credentials.access_key_id}, {"expires", nullptr}};
  if (credentials.expires)
    result["expires"] =
        std::chrono::duration_cast<std::chrono::seconds>(credentials.expires->time_since_epoch()).count();
  return result;
}

/// That many callers at once; their answers, in the order in which they came.
std::vector<Answer> ask(asio::io_context& io, aws::CredentialChain& chain, int callers) {
  std::vector<Answer> answers;
  for (int i = 0; i < callers; ++i) {
    auto get = [&]() -> asio::awaitable<void> { answers.push_back(co_await chain.get()); };
    auto done = [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    };
    asio::co_spawn(io, std::move(get), done);
  }
  while (answers.size() < static_cast<std::size_t>(callers)) {
    io.restart();
    io.run_one();
  }
  return answers;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  asio::io_context io(1);
  asio::thread_pool pool(1);
  const auto environment = process_environment();
  http::ClientSettings http_settings;
  http_settings.proxies = http::proxies_from(environment);
  http::Client client(io.get_executor(), http_settings);
  Metadata metadata(client, {argv[2]});
  aws::Imds imds(metadata);
  aws::CredentialSettings settings;
  settings.region = argv[1];
  aws::CredentialChain chain(client, imds, environment, settings, pool);
  std::shared_ptr<const aws::Credentials> last;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string word;
    int callers = 1;
    words >> word >> callers;
    if (word == "refused") {
      if (last) chain.refused(*last);
      continue;
    }
    for (const Answer& answer : ask(io, chain, callers == 0 ? 1 : callers)) {
      if (answer) last = answer.value();
      std::cout << json::serialize(describe(answer)) << std::endl;
    }
  }
  pool.join();
  return 0;
}
