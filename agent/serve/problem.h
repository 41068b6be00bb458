// Errors as RFC 9457 problem documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "agent/goal/document.h"
#include "agent/serve/http.h"

namespace mooring::agent::serve {

/// `kind` ends the type: urn:mooring:problem:<kind>.
Response problem(unsigned status, std::string_view kind, std::string_view title, std::string_view detail,
                 boost::json::object more = {});

/// 422, with every error and where it stands.
Response invalid(const std::vector<goal::Diagnostic>& errors);

Response json_response(unsigned status, const boost::json::object& body);

}  // namespace mooring::agent::serve
