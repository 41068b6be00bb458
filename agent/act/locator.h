// Finds out where this instance is, for as long as that takes.
#pragma once

#include <functional>

#include <boost/asio/awaitable.hpp>

#include "agent/act/here.h"
#include "backends/identify.h"

namespace mooring::agent::act {

/// Asks again, with growing waits, until there is an answer. Why there is none yet is told to `here`, to the log, and
/// to `still_unknown`.
boost::asio::awaitable<backends::Identity> locate(backends::IdentitySettings settings,
                                                  backends::Environment environment, backends::http::Client& client,
                                                  Here& here, std::function<void()> still_unknown);

}  // namespace mooring::agent::act
