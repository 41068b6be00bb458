// Where an EC2 instance is (EC2 User Guide, "Instance identity documents", "Identify EC2 instances").
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends::aws {

/// What hints at it; empty: nothing does. A UUID that begins with "ec2" may be one of 4096 by chance, and other clouds
/// have such, too: it counts only together with something else of Amazon's.
std::string seen(const Hints& hints);

/// "nitro": disks are NVMe devices; "xen": they are /dev/xvd*; empty: the hints do not tell.
std::string hypervisor_of(const Hints& hints);

struct Answers {
  std::string document;   // /latest/dynamic/instance-identity/document
  std::string zone_id;    // /latest/meta-data/placement/availability-zone-id; may be empty
  std::string domain;     // /latest/meta-data/services/domain; may be empty
  std::string partition;  // …/partition; may be empty
};

/// The region is that of the document, never made of the zone: a Local Zone is "us-west-2-lax-1a".
/// Errors: unavailable, when the answer is not this cloud's.
Result<Identity> parse_identity(const Answers& answers);

/// The attributes that follow from the region alone.
void follow_region(Identity& identity);

/// The attributes that the hints alone tell.
void follow_hints(Identity& identity, const Hints& hints);

/// Errors: of get_text(), and those of parse_identity().
boost::asio::awaitable<Result<Identity>> ask(Metadata& metadata, const Hints& hints);

}  // namespace mooring::backends::aws
