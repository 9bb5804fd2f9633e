// The broker that coordinates a group: found, remembered, and looked for again when it says that it is not.
//
//   Coordinator coordinator{cluster, "billing"};
//   auto answer = TRY(coordinator.ask<net::DescribeGroupsRequest>(f,
//       [&](std::int16_t version) { return request_in(version); },
//       [](const net::DescribeGroupsResponse& got) { return got.groups[0].error_code; }));
//
// ask() repeats until it is answered or default.api.timeout.ms has passed: only for what may safely be asked twice.
#pragma once

#include "clients/core/cluster.h"

namespace clients::core {

/// What a group-wide code of an answer means for who is asked.
enum class CoordinatorNews : std::uint8_t { none, busy, moved };
[[nodiscard]] CoordinatorNews coordinator_news(net::ErrorCode code);
/// Another attempt may succeed where this one failed.
[[nodiscard]] bool is_passing(const kernel::Error& error);

class Coordinator {
 public:
  Coordinator(std::shared_ptr<Cluster> cluster, std::string group)
      : cluster_{std::move(cluster)}, group_{std::move(group)}, random_{cluster_->random("coordinator")} {}

  [[nodiscard]] const std::string& group() const { return group_; }
  [[nodiscard]] Cluster& cluster() const { return *cluster_; }
  /// Who it is, asked for once if not known. Errors: broker_error (COORDINATOR_NOT_AVAILABLE while there is none,
  /// GROUP_AUTHORIZATION_FAILED), those of Cluster::request_any.
  kernel::Result<net::BrokerId> find(kernel::Fiber& f);
  /// It is not who we thought: the next find() asks.
  void forget() { known_ = net::kBrokerIdNone; }

  /// `make(version)` is the request in that version, `code_of(response)` the code for the whole group: while that says
  /// that the coordinator is elsewhere or not ready, or the connection breaks, it is asked again.
  /// Errors: the last problem; a code of another kind is the caller's to read.
  template <class Request, class Make, class CodeOf>
  kernel::Result<Answer<typename Request::Response>> ask(kernel::Fiber& f, Make make, CodeOf code_of,
                                                         RequestOptions options = {}) {
    Backoff backoff{cluster_->config().retry_backoff, cluster_->config().retry_backoff_max};
    const kernel::Mono due = kernel::saturating_add(f.now(), cluster_->config().default_api_timeout);
    for (;;) {
      auto answer = ask_once<Request>(f, make, options);
      const net::ErrorCode code = answer ? code_of(answer->message) : broker_code(answer.error());
      const CoordinatorNews news = coordinator_news(code);
      if (answer && news == CoordinatorNews::none) return answer;
      if (!answer && !is_passing(answer.error())) return answer;
      if (!answer || news == CoordinatorNews::moved) forget();
      if (f.now() >= due) return answer ? kernel::Result<Answer<typename Request::Response>>{fail_code(code)} : std::move(answer);
      TRY(f.sleep(backoff.next(random_)));
    }
  }
  /// One attempt, whatever comes of it.
  template <class Request, class Make>
  kernel::Result<Answer<typename Request::Response>> ask_once(kernel::Fiber& f, Make make, RequestOptions options = {}) {
    const net::BrokerId broker = TRY(find(f));
    const auto connection = TRY(cluster_->connection(f, broker, options.lane));
    const std::int16_t version = TRY(connection->pick_version(Request::kApiKey, Request::kVersions, options.versions));
    const Request request = make(version);
    Exchange exchange = TRY(connection->start(f, request, {.first = version, .last = version}));
    const kernel::Duration timeout = options.timeout.count() > 0 ? options.timeout : cluster_->config().request_timeout;
    return exchange.await<typename Request::Response>(f, timeout);
  }

 private:
  std::shared_ptr<Cluster> cluster_;
  std::string group_;
  kernel::Random random_;
  net::BrokerId known_ = net::kBrokerIdNone;
};

}  // namespace clients::core
