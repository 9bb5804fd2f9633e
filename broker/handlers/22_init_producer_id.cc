// InitProducerId v0-5 for idempotent producers. v3: resumes with id and epoch. A transactional id needs a transaction
// coordinator, which is not served here: COORDINATOR_NOT_AVAILABLE, as of a broker that has none loaded.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/init_producer_id.h"

namespace broker::handlers {
namespace {

using net::ErrorCode;
using net::InitProducerIdRequest;
using net::InitProducerIdResponse;

InitProducerIdResponse respond(kernel::Fiber& f, Call& call, const InitProducerIdRequest& request) {
  InitProducerIdResponse response;
  response.producer_id = net::kProducerIdNone;
  response.producer_epoch = net::kProducerEpochNone;
  if (request.transactional_id) {
    response.error_code =
        request.transactional_id->empty() ? ErrorCode::invalid_request : ErrorCode::coordinator_not_available;
    return response;
  }
  const bool has_id = request.producer_id != net::kProducerIdNone;
  const bool has_epoch = request.producer_epoch != net::kProducerEpochNone;
  if (has_id != has_epoch) {
    response.error_code = ErrorCode::invalid_request;
    return response;
  }
  // A producer that resumes gets a new id too: without a transactional id nobody else can hold the old one.
  const auto id = call.broker().next_producer_id(f);
  if (!id) {
    response.error_code = wire_code(id.error());
    return response;
  }
  response.producer_id = *id;
  response.producer_epoch = net::ProducerEpoch{0};
  return response;
}

}  // namespace

void handle_init_producer_id(kernel::Fiber& f, Call& call) { answer<InitProducerIdRequest>(f, call, respond); }

}  // namespace broker::handlers
