// Credentials that a local service hands out as JSON: the container endpoint, and the instance's metadata. Pure.
// (AWS SDKs and Tools Reference Guide, "Container credential provider", "IMDS credential provider"; EC2 User Guide,
// "Retrieve security credentials from instance metadata".)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/aws/credentials.h"
#include "backends/environment.h"
#include "backends/error.h"
#include "backends/http/message.h"

namespace mooring::backends::aws {

struct ContainerEndpoint {
  std::string url;
  std::string origin;      // for people: scheme, host and port; the path may be as good as a password
  std::string token;       // AWS_CONTAINER_AUTHORIZATION_TOKEN
  std::string token_file;  // AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, which goes before it; empty: none
};

/// By AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (below http://169.254.170.2) or else _FULL_URI, which has to be https, or
/// lead to this machine or to the agents of ECS and EKS: the token must not go anywhere else in the clear.
/// Empty: neither is set. Errors: denied.
Result<std::optional<ContainerEndpoint>> container_endpoint(const Environment& environment);

/// `token`: of the environment or its file; empty: none. Errors: denied, if it cannot be the value of a header.
Result<http::Request> container_request(const ContainerEndpoint& endpoint, const std::string& token);

/// Errors: denied (4xx), unavailable. Without Expiration they do not expire.
Result<Credentials> read_container_answer(const http::Response& response, const std::vector<std::string_view>& secrets);

/// The role that /latest/meta-data/iam/security-credentials/ lists: its first line. Errors: denied, if there is none.
Result<std::string> read_role_name(std::string_view listing);

/// What is at /latest/meta-data/iam/security-credentials/<role>. Errors: denied (its Code is not Success), unavailable.
Result<Credentials> read_role_credentials(std::string_view document, const std::string& role);

/// For an instance without a role: says what to do.
Error no_instance_role();

}  // namespace mooring::backends::aws
