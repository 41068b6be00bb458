#include "agent/serve/problem.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace mooring::agent::serve {

namespace json = boost::json;

Response problem(unsigned status, std::string_view kind, std::string_view title, std::string_view detail,
                 json::object more) {
  json::object body{
      {"type", "urn:mooring:problem:" + std::string(kind)}, {"title", title}, {"status", status}, {"detail", detail}};
  for (auto& member : more) body[member.key()] = std::move(member.value());
  return {.status = status,
          .content_type = "application/problem+json",
          .body = json::serialize(body),
          .headers = {},
          .stream = {}};
}

Response invalid(const std::vector<goal::Diagnostic>& errors) {
  json::array all;
  constexpr std::size_t kShown = 100;
  for (const goal::Diagnostic& error : errors)
    if (all.size() < kShown)
      all.push_back({{"detail", error.message}, {"line", error.at.line}, {"column", error.at.column}});
  return problem(422, "invalid-goal", "The goal is not valid", goal::to_string(errors.front()),
                 {{"errors", std::move(all)}});
}

Response json_response(unsigned status, const json::object& body) {
  return {
      .status = status, .content_type = "application/json", .body = json::serialize(body), .headers = {}, .stream = {}};
}

}  // namespace mooring::agent::serve
