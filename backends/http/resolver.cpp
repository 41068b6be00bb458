#include "backends/http/resolver.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "posix/file_descriptor.h"

namespace mooring::backends::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Threads that hang at most: each has a name of its own to look up.
constexpr std::size_t kMostUnderWay = 32;

struct Found {
  Addresses addresses;
  std::string error;  // where there are none
};

Found ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* first = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (status == EAI_SYSTEM) return {{}, std::generic_category().message(errno)};
  if (status != 0) return {{}, gai_strerror(status)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(first, &freeaddrinfo);
  Found found;
  for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, entry->ai_addr, sizeof address);
      found.addresses.emplace_back(asio::ip::address_v4(ntohl(address.sin_addr.s_addr)));
    } else if (entry->ai_family == AF_INET6) {
      sockaddr_in6 address{};
      std::memcpy(&address, entry->ai_addr, sizeof address);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      found.addresses.emplace_back(asio::ip::address_v6(bytes, address.sin6_scope_id));
    }
  }
  return found;
}

Found ask_replacement(const std::function<std::vector<std::string>(const std::string&)>& replacement,
                      const std::string& host) {
  Found found;
  for (const std::string& text : replacement(host)) found.addresses.push_back(asio::ip::make_address(text));
  return found;
}

Error unresolved(const std::string& host, const std::string& why) {
  return {Errc::unresolved, "cannot find the address of " + host + ": " + why, false};
}

}  // namespace

/// Shared by the thread that looks up and by those who wait. The event stays readable once the look-up is done, so that
/// any number can wait for it, also when nobody does any more.
struct Resolver::LookUp {
  posix::FileDescriptor event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> done = false;
  Found found;  // not to be touched before done

  void finish(Found result) {
    found = std::move(result);
    done.store(true, std::memory_order_release);
    eventfd_write(event.get(), 1);
  }
};

Resolver::Resolver(asio::any_io_executor executor,
                   std::function<std::vector<std::string>(const std::string&)> replacement)
    : executor_(std::move(executor)), replacement_(std::move(replacement)) {}

Resolver::~Resolver() = default;

Result<std::shared_ptr<Resolver::LookUp>> Resolver::join_or_start(const std::string& host) {
  // What is done has been seen by those who waited for it; the next request wants to know how it is now.
  std::erase_if(under_way_, [](const auto& entry) { return entry.second->done.load(std::memory_order_acquire); });
  if (const auto found = under_way_.find(host); found != under_way_.end()) return found->second;
  if (under_way_.size() >= kMostUnderWay) return unresolved(host, "too many look-ups without an answer");
  auto look_up = std::make_shared<LookUp>();
  if (!look_up->event) return unresolved(host, std::generic_category().message(errno));
  auto work = [look_up, host, replacement = replacement_]() noexcept {
    look_up->finish(replacement ? ask_replacement(replacement, host) : ask_system(host));
  };
  try {
    std::thread(std::move(work)).detach();
  } catch (const std::system_error& error) {
    return unresolved(host, error.code().message());
  }
  under_way_.emplace(host, look_up);
  return look_up;
}

asio::awaitable<void> Resolver::wait(std::shared_ptr<LookUp> look_up, Time deadline) {
  // Shared, for the timer's handler may already be on its way when this coroutine ends.
  const auto ready = std::make_shared<asio::posix::stream_descriptor>(executor_);
  error_code error;
  ready->assign(fcntl(look_up->event.get(), F_DUPFD_CLOEXEC, 0), error);
  if (error) co_return;
  asio::steady_timer limit(executor_, deadline);
  limit.async_wait([weak = std::weak_ptr(ready)](const error_code& cancelled) {
    const auto waiting = weak.lock();
    error_code ignored;
    if (!cancelled && waiting) waiting->cancel(ignored);
  });
  // An event alone is no answer: now and then one comes of a descriptor that had this number before.
  while (!look_up->done.load(std::memory_order_acquire) && std::chrono::steady_clock::now() < deadline) {
    const auto [failed] =
        co_await ready->async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (failed) co_return;
  }
}

asio::awaitable<Result<Addresses>> Resolver::look_up(const std::string& host, Time deadline) {
  error_code not_an_address;
  const auto literal = asio::ip::make_address(host, not_an_address);
  if (!not_an_address) co_return Addresses{literal};
  auto started = join_or_start(host);
  if (!started) co_return std::move(started).error();
  const std::shared_ptr<LookUp> look_up = std::move(started).value();
  co_await wait(look_up, deadline);
  if (!look_up->done.load(std::memory_order_acquire))
    co_return Error{Errc::timed_out, "the look-up of " + host + " did not end in time", false};
  const Found& found = look_up->found;
  if (found.addresses.empty()) co_return unresolved(host, found.error.empty() ? "it has none" : found.error);
  co_return found.addresses;
}

}  // namespace mooring::backends::http
