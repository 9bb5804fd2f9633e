// A cluster as a client sees it: its metadata, kept fresh, and connections to its brokers. Producers, consumers and
// admin calls share one.
//
//   kernel::Scope scope{f};
//   {
//     Cluster cluster{scope, {.bootstrap_servers = TRY(parse_servers("127.0.0.1:9092"))}};
//     TRY(cluster.refresh(f));                                     // errors when nobody can be reached
//     const TopicInfo topic = TRY(cluster.topic(f, "orders"));     // waits until it is known
//     auto answer = TRY(cluster.request(f, leader, net::ListOffsetsRequest{...}));
//   }                                                              // ends connections and fibers
//   TRY(scope.join(f));
//
// Lives on one shard. Its fibers run in `scope`, which must be joined after the cluster is gone (or closed).
// Requests are not retried here: who asks knows whether asking twice is harmless.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "clients/core/backoff.h"
#include "clients/core/connection.h"
#include "clients/core/metadata.h"

namespace clients::core {

/// Connections of one kind. A broker serves a connection's requests in order, so a Fetch that waits for data must not
/// share one with anything else.
using Lane = kernel::Strong<struct LaneTag, std::uint32_t>;
inline constexpr Lane kLaneGeneral{0};

struct RequestOptions {
  Lane lane = kLaneGeneral;
  /// From writing the request to its answer; zero takes request.timeout.ms.
  kernel::Duration timeout{0};
  VersionCap versions{};
};

class Cluster {
 public:
  Cluster(kernel::Scope& scope, ClientConfig config);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  [[nodiscard]] const ClientConfig& config() const;
  [[nodiscard]] const Metadata& metadata() const;
  /// Notified after each change of the metadata, and when the cluster is closed.
  [[nodiscard]] kernel::Notify& metadata_changed();
  /// A lane of the caller's own.
  [[nodiscard]] Lane new_lane();

  /// Waits for an answer to a metadata request that began after this call. One request serves all who wait.
  /// Errors: why no broker answered (no_broker or the last connection's error), closed, deadline, cancelled.
  kernel::Result<> refresh(kernel::Fiber& f);
  /// Asks for a refresh without waiting.
  void want_refresh();
  /// From now on refreshes ask for this topic too.
  void watch(std::string_view topic);
  void unwatch(std::string_view topic);
  /// Metadata older than metadata.max.age.ms is refreshed by itself.

  /// The topic, once it exists and its partitions are known; waits for at most default.api.timeout.ms.
  /// Errors: unknown_topic (not there in time), broker_error (not allowed, bad name), those of refresh().
  kernel::Result<TopicInfo> topic(kernel::Fiber& f, std::string_view name);
  /// Takes in a leader hint of an answer.
  void learn_leader(const TopicPartition& at, net::BrokerId leader, net::LeaderEpoch epoch);
  void learn_broker(net::BrokerId id, HostPort at);

  /// A live connection to a broker, opened if need be, not sooner than its reconnect backoff allows.
  /// Errors: unknown_broker, those of Connection::open, closed.
  kernel::Result<std::shared_ptr<Connection>> connection(kernel::Fiber& f, net::BrokerId broker,
                                                         Lane lane = kLaneGeneral);
  /// The broker that answered last, or any that can be reached.
  kernel::Result<std::shared_ptr<Connection>> any_connection(kernel::Fiber& f);

  /// One request and its answer. Errors: those of connection(), Connection::start() and Exchange::await().
  template <class Request>
  kernel::Result<Answer<typename Request::Response>> request(kernel::Fiber& f, net::BrokerId broker,
                                                             const Request& request, RequestOptions options = {}) {
    return ask(f, TRY(connection(f, broker, options.lane)), request, options);
  }
  /// The same, to whichever broker can be reached.
  template <class Request>
  kernel::Result<Answer<typename Request::Response>> request_any(kernel::Fiber& f, const Request& request,
                                                                 RequestOptions options = {}) {
    return ask(f, TRY(any_connection(f)), request, options);
  }

  /// A generator of the caller's own.
  [[nodiscard]] kernel::Random random(std::string_view purpose);
  /// Ends connections and fibers; whoever waits gets Reason::closed or disconnected. Does not suspend.
  void close();

 private:
  template <class Request>
  kernel::Result<Answer<typename Request::Response>> ask(kernel::Fiber& f, std::shared_ptr<Connection> connection,
                                                         const Request& request, const RequestOptions& options) {
    Exchange exchange = TRY(connection->start(f, request, options.versions));
    const kernel::Duration timeout = options.timeout.count() > 0 ? options.timeout : config().request_timeout;
    return exchange.await<typename Request::Response>(f, timeout);
  }
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clients::core
