// How admin calls ask: again while that is harmless and there is time.
#pragma once

#include <optional>
#include <string>

#include "clients/core/backoff.h"
#include "clients/core/cluster.h"

namespace clients::admin {

inline std::string words(std::optional<std::string_view> text) { return std::string{text.value_or("")}; }

/// For the timeout field of requests that change something.
inline std::int32_t timeout_ms(const core::Cluster& cluster) {
  return static_cast<std::int32_t>(cluster.config().request_timeout / std::chrono::milliseconds{1});
}

/// No broker began what was asked, so asking again is harmless.
inline bool not_begun(const kernel::Error& error) {
  return error.is(core::Reason::not_sent) || error.is(core::Reason::no_broker) ||
         error.is(kernel::Errc::connection_refused);
}

/// For reads: a connection that broke once is tried again, one that cannot be had is not.
template <class Answer>
bool read_again(const Answer& answer) {
  return !answer && (answer.error().is(core::Reason::disconnected) || answer.error().is(core::Reason::not_sent));
}

/// Asks `broker`, or whoever can be reached, until an answer comes or default.api.timeout.ms has passed. `again` says of
/// an error or an answer whether to.
template <class Request, class Again>
kernel::Result<core::Answer<typename Request::Response>> ask(kernel::Fiber& f, core::Cluster& cluster,
                                                             const Request& request, Again again,
                                                             std::optional<net::BrokerId> broker = {}) {
  kernel::Random random = cluster.random("admin");
  core::Backoff backoff{cluster.config().retry_backoff, cluster.config().retry_backoff_max};
  const kernel::Mono due = kernel::saturating_add(f.now(), cluster.config().default_api_timeout);
  for (;;) {
    auto answer = broker ? cluster.request(f, *broker, request) : cluster.request_any(f, request);
    if (f.now() >= due || !again(answer)) return answer;
    TRY(f.sleep(backoff.next(random)));
  }
}

}  // namespace clients::admin
