// IncrementalAlterConfigs v0-1. v1: flexible. Topics, brokers, groups and subscriptions to client metrics (KIP-339).
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/apis.h"
#include "net/messages/incremental_alter_configs.h"

namespace broker::handlers {
namespace {

net::IncrementalAlterConfigsResponse respond(kernel::Fiber& f, Call& call, const net::IncrementalAlterConfigsRequest& request) {
  return answer_alterations<net::IncrementalAlterConfigsResponse>(f, call, request, /*replaces_all=*/false);
}

}  // namespace

void handle_incremental_alter_configs(kernel::Fiber& f, Call& call) { answer<net::IncrementalAlterConfigsRequest>(f, call, respond); }

}  // namespace broker::handlers
