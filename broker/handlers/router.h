// From a whole request to the API that answers it, and back. Unknown APIs and versions end the connection, as Kafka
// does; only ApiVersions is answered in any case (KIP-511).
#pragma once

#include <span>

#include "broker/server/connection.h"
#include "net/apis.h"
#include "net/codec/version.h"

namespace broker {
class Broker;
class BrokerShard;
}  // namespace broker

namespace broker::handlers {

struct Call;

/// One API that we serve completely, at these versions.
struct Api {
  net::ApiKey key;
  net::VersionRange versions;
  /// Answers call.reply() once, now or (Produce) later.
  void (*handle)(kernel::Fiber& f, Call& call);
};
/// By ascending key. What ApiVersions advertises.
std::span<const Api> served_apis();
const Api* find_served(std::int16_t key);

class Router final : public server::RequestHandler {
 public:
  explicit Router(Broker& broker) : broker_{broker} {}
  [[nodiscard]] bool pipelined(std::int16_t api_key) const override;
  void handle(kernel::Fiber& f, server::Request request, server::ReplySlot slot) override;

 private:
  Broker& broker_;
};

}  // namespace broker::handlers
