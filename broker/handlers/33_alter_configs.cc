// AlterConfigs v0-2. v2: flexible. What is not named is unset, which is why IncrementalAlterConfigs is the one to use.
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/apis.h"
#include "net/messages/alter_configs.h"

namespace broker::handlers {
namespace {

net::AlterConfigsResponse respond(kernel::Fiber& f, Call& call, const net::AlterConfigsRequest& request) {
  return answer_alterations<net::AlterConfigsResponse>(f, call, request, /*replaces_all=*/true);
}

}  // namespace

void handle_alter_configs(kernel::Fiber& f, Call& call) { answer<net::AlterConfigsRequest>(f, call, respond); }

}  // namespace broker::handlers
