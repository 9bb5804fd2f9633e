// A connection to one broker. Several requests may be in flight; they are written in the order of start(), and a
// reader fiber hands each answer to the exchange with its correlation id. When the connection ends, every exchange in
// flight ends with Reason::disconnected: the broker may have done what they asked.
//
//   auto connection = TRY(Connection::open(f, crew, config, {"127.0.0.1", 9092}));
//   Exchange one = TRY(connection->start(f, request, {}));
//   Answer<net::FetchResponse> answer = TRY(one.await<net::FetchResponse>(f, 30s));
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "clients/core/config.h"
#include "clients/core/crew.h"
#include "clients/core/reason.h"
#include "kernel/buffer.h"
#include "kernel/future.h"
#include "kernel/mutex.h"
#include "kernel/network.h"
#include "net/framing.h"

namespace clients::core {

/// A decoded answer and the bytes it points into.
template <class Response>
struct Answer {
  kernel::Buffer frame;
  std::int16_t version = 0;
  net::Arena arena{};
  Response message{};
  const Response* operator->() const { return &message; }
};

/// Versions that a caller can use; the default is all that our codecs know.
struct VersionCap {
  std::int16_t first = 0;
  std::int16_t last = INT16_MAX;
};

class Connection;

/// A request in flight.
class Exchange {
 public:
  /// Suspends until the answer has come, at most `timeout`. After Reason::timed_out the connection is aborted, since
  /// later answers would wait behind the missing one; a deadline or cancellation of the fiber only ends the wait.
  /// Errors: timed_out, disconnected, malformed_answer, deadline, cancelled.
  template <class Response>
  kernel::Result<Answer<Response>> await(kernel::Fiber& f, kernel::Duration timeout) {
    Answer<Response> answer{TRY(await_frame(f, timeout)), version_};
    net::Reader reader{answer.frame.view(), answer.arena};
    const auto header = net::decode_response_header(reader, Response::kApiKey, version_);
    if (!header) return kernel::fail(Reason::malformed_answer);
    auto message = net::decode<Response>(reader, version_);
    if (!message) return kernel::fail(Reason::malformed_answer, message.error().detail);
    answer.message = *message;
    return answer;
  }
  kernel::Result<kernel::Buffer> await_frame(kernel::Fiber& f, kernel::Duration timeout);
  [[nodiscard]] std::int16_t version() const { return version_; }

 private:
  friend class Connection;
  struct State {
    kernel::Future<kernel::Result<kernel::Buffer>> frame;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::shared_ptr<Connection> connection_;
  kernel::Mono sent_at_{};
  std::int16_t version_ = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Connects and learns which versions the broker speaks. The reader fiber joins `crew`, which must outlive the
  /// connection; `crew_owner` keeps it alive.
  /// Errors: connection_refused, unreachable (also when it takes longer than the setup timeout), disconnected,
  /// malformed_answer, unsupported_version, deadline, cancelled.
  static kernel::Result<std::shared_ptr<Connection>> open(kernel::Fiber& f, Crew& crew,
                                                          const std::shared_ptr<void>& crew_owner,
                                                          const ClientConfig& config, const HostPort& server);
  ~Connection();

  /// Writes a request whose external records (net::Records::external) are `externals` by token. Requests are written
  /// in the order of the calls. Suspends while the broker does not take bytes.
  /// Errors: unsupported_version, not_sent, disconnected (part of it may have been sent), invalid_argument (a field
  /// that the version lacks), deadline, cancelled.
  template <class Request>
  kernel::Result<Exchange> start(kernel::Fiber& f, const Request& request, VersionCap cap = {},
                                 std::span<const kernel::Buffer> externals = {}, bool expects_answer = true) {
    const std::int16_t version = TRY(pick_version(Request::kApiKey, Request::kVersions, cap));
    const std::int32_t correlation_id = next_correlation_id();
    const net::EncodedFrame frame = TRY(net::encode_request(version, correlation_id, config_.client_id, request));
    return send(f, frame, externals, correlation_id, version, expects_answer);
  }
  /// The highest version that both sides and the caller know. Errors: unsupported_version.
  kernel::Result<std::int16_t> pick_version(net::ApiKey key, net::VersionRange ours, VersionCap cap) const;
  [[nodiscard]] bool supports(net::ApiKey key) const { return versions_.contains(static_cast<std::int16_t>(key)); }

  [[nodiscard]] bool alive() const { return alive_; }
  [[nodiscard]] std::size_t in_flight() const { return waiting_.size(); }
  /// Ends the connection and every exchange in flight. What was written may be lost. Does not suspend.
  void abort() { end(false); }
  /// The same, but what was written still reaches the broker if the network lets it.
  void close() { end(true); }

 private:
  Connection(const ClientConfig& config, kernel::SocketHandle socket) : config_{config}, socket_{std::move(socket)} {}
  static kernel::Result<std::shared_ptr<Connection>> set_up(kernel::Fiber& f, Crew& crew,
                                                            const std::shared_ptr<void>& crew_owner,
                                                            const ClientConfig& config, const HostPort& server);
  void end(bool orderly);
  kernel::Result<> learn_versions(kernel::Fiber& f);
  kernel::Result<Exchange> send(kernel::Fiber& f, const net::EncodedFrame& frame,
                                std::span<const kernel::Buffer> externals, std::int32_t correlation_id,
                                std::int16_t version, bool expects_answer);
  void read_answers(kernel::Fiber& f);
  kernel::Result<kernel::Buffer> read_frame(kernel::Fiber& f);
  kernel::Result<> read_exactly(kernel::Fiber& f, kernel::MutableByteView out);
  std::int32_t next_correlation_id() {
    correlation_id_ = correlation_id_ == INT32_MAX ? 0 : correlation_id_ + 1;
    return correlation_id_;
  }

  ClientConfig config_;
  kernel::SocketHandle socket_;
  kernel::Mutex writing_;
  bool alive_ = true;
  std::int32_t correlation_id_ = 0;
  std::map<std::int32_t, std::shared_ptr<Exchange::State>> waiting_;
  std::map<std::int16_t, net::VersionRange> versions_;
  // Bytes read ahead, so that a small answer takes one read.
  std::array<std::byte, 4096> ahead_;
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
};

}  // namespace clients::core
