#include "backends/nebius/identity.h"

#include <utility>

#include "backends/answer.h"

namespace mooring::backends::nebius {
namespace {

constexpr std::string_view kWhat = "Nebius' instance data";
constexpr std::string_view kFiles = "files below /mnt/cloud-metadata";

}  // namespace

std::string seen(const Hints& hints) {
  const bool any = !hints.nebius.instance_id.empty() || !hints.nebius.parent_id.empty();
  return any ? std::string(kFiles) : std::string{};
}

Identity parse_files(const NebiusFiles& files) {
  Identity identity;
  identity.provider = "nebius";
  identity.region = files.region_name;
  identity.instance_id = files.instance_id;
  identity.account = files.parent_id;
  add_attribute(identity, "parent_id", files.parent_id);
  identity.source = std::string(kFiles);
  return identity;
}

Result<Identity> parse_identity(std::string_view json) {
  BOOST_OUTCOME_TRY(const auto answer, parse_object(json, kWhat));
  Identity identity;
  identity.provider = "nebius";
  identity.region = text_at(answer, {"region"});
  identity.instance_id = text_at(answer, {"id"});
  if (!is_name(identity.region)) return lacks(kWhat, "region");
  if (!is_name(identity.instance_id)) return lacks(kWhat, "id");
  identity.instance_type = detail(text_at(answer, {"platform"}));
  identity.account = text_at(answer, {"parent_id"});
  if (!is_name(identity.account)) return lacks(kWhat, "parent_id");
  add_attribute(identity, "parent_id", identity.account);
  add_attribute(identity, "preset", text_at(answer, {"preset"}));
  add_attribute(identity, "name", text_at(answer, {"name"}));
  return identity;
}

boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints) {
  Identity from_files = parse_files(hints.nebius);
  if (is_name(from_files.region) && is_name(from_files.instance_id) && is_name(from_files.account))
    co_return from_files;
  http::Headers headers = {{"Metadata", "true"}};
  std::string path = "/v1/instance-data";
  BOOST_OUTCOME_CO_TRY(const auto text, co_await get_text(metadata, std::move(path), std::move(headers)));
  co_return parse_identity(text);
}

}  // namespace mooring::backends::nebius
