// Client and retry together, for services whose status says whether it is worth asking again.
#pragma once

#include "backends/http/client.h"
#include "backends/http/retry.h"

namespace mooring::backends::http {

/// Sends until an answer comes that will not pass (see may_pass), or until `policy`, `budget` or `within` is used up;
/// then the last answer or error. `limits.total` is of one attempt. A request that is not repeatable is sent again only
/// where the service cannot have acted on it.
boost::asio::awaitable<Result<Response>> fetch(Client& client, Request request, Limits limits, RetryPolicy policy,
                                               RetryBudget& budget, std::chrono::milliseconds within);

/// Waits. Ends early only with the coroutine.
boost::asio::awaitable<void> pause(std::chrono::milliseconds time);

/// In [0, 1).
double chance();

}  // namespace mooring::backends::http
