#include "backends/linode/identity.h"

#include <utility>

#include "backends/answer.h"

namespace mooring::backends::linode {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kWithin{5000};
constexpr std::string_view kWhat = "Linode's metadata";

}  // namespace

std::string seen(const Hints& hints) {
  const std::string& vendor = hints.dmi.sys_vendor;
  return vendor == "Linode" || vendor == "Akamai" ? dmi_seen("sys_vendor", vendor) : std::string{};
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "linode";
  identity.region = text_at(answer, {"region"});
  identity.instance_id = text_at(answer, {"id"});
  if (!is_name(identity.region)) return lacks(kWhat, "region");
  if (!is_name(identity.instance_id)) return lacks(kWhat, "id");
  identity.instance_type = text_at(answer, {"type"});
  if (!is_name(identity.instance_type)) return lacks(kWhat, "type");
  identity.account = detail(text_at(answer, {"account_euuid"}));
  add_attribute(identity, "name", text_at(answer, {"label"}));
  return identity;
}

asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints&) {
  std::string method = "PUT";
  std::string path = "/v1/token";
  http::Headers headers = {{"Metadata-Token-Expiry-Seconds", "300"}};
  auto answer = co_await metadata.fetch(std::move(method), path, std::move(headers), kWithin);
  const std::string request = "PUT " + metadata.base() + path;
  BOOST_OUTCOME_CO_TRY(std::string token, text_of(std::move(answer), request));
  token = trimmed(token);
  if (!is_name(token)) co_return Error{Errc::unavailable, request + ": the answer is no token", {}};
  http::Headers with_token = {{"Metadata-Token", std::move(token)}, {"Accept", "application/json"}};
  path = "/v1/instance";
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(with_token)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::linode
