// Where a virtual machine of Google Cloud is (Compute Engine documentation, "Predefined metadata keys").
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::gcp {

/// What hints at it; empty: nothing does.
std::string seen(const Hints& hints);

struct Answers {
  std::string zone;  // "projects/123456789012/zones/us-central1-a"
  std::string id;
  std::string project_id;
  std::string name;          // may be empty
  std::string machine_type;  // "projects/123456789012/machineTypes/n2-standard-4"; may be empty
};

/// The zone is the last element; the region is the zone without what follows its last dash.
/// Errors: unavailable, when the answer is not this cloud's.
Result<Identity> parse_identity(const Answers& answers);

/// Errors: unavailable, when `Metadata-Flavor: Google` is not among the headers: then it is not Google that answers.
Result<std::string> value_of(const http::Response& response, std::string_view request);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::gcp
