// What every client of a cluster is configured with. Names are Kafka's where Kafka has one (in the comment).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "kernel/time.h"

namespace clients::core {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend auto operator<=>(const HostPort&, const HostPort&) = default;
};
/// "host:port", with brackets around an IPv6 address.
[[nodiscard]] std::string to_string(const HostPort& server);
/// "a:9092,[::1]:9093"; a missing port is 9092. Errors: invalid_argument (detail is the position in the text).
kernel::Result<std::vector<HostPort>> parse_servers(std::string_view text);

struct ClientConfig {
  std::vector<HostPort> bootstrap_servers;                                    ///< bootstrap.servers
  std::string client_id = "kalda";                                            ///< client.id
  kernel::Duration request_timeout = std::chrono::seconds{30};                ///< request.timeout.ms
  kernel::Duration connection_setup_timeout = std::chrono::seconds{10};       ///< socket.connection.setup.timeout.ms
  kernel::Duration reconnect_backoff = std::chrono::milliseconds{50};         ///< reconnect.backoff.ms
  kernel::Duration reconnect_backoff_max = std::chrono::seconds{1};           ///< reconnect.backoff.max.ms
  kernel::Duration retry_backoff = std::chrono::milliseconds{100};            ///< retry.backoff.ms
  kernel::Duration retry_backoff_max = std::chrono::seconds{1};               ///< retry.backoff.max.ms
  kernel::Duration metadata_max_age = std::chrono::minutes{5};                ///< metadata.max.age.ms
  kernel::Duration default_api_timeout = std::chrono::seconds{60};            ///< default.api.timeout.ms
  bool allow_auto_create_topics = true;                                       ///< allow.auto.create.topics
  /// The largest answer that is read; a larger one ends the connection (receive.message.max.bytes of librdkafka).
  std::uint32_t answer_bytes_max = 128U << 20U;
};

}  // namespace clients::core
