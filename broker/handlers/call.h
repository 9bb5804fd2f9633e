// A request being answered: what every handler is given.
#pragma once

#include "broker/broker.h"
#include "broker/broker_shard.h"
#include "broker/server/connection.h"
#include "net/framing.h"

namespace broker::handlers {

struct Call {
  BrokerShard& shard;
  server::Request request;
  server::ReplySlot slot;
  BrokerShard::ArenaHandle arena;
  net::Reader reader;  ///< behind the header
  net::RequestHeader header;

  [[nodiscard]] std::int16_t version() const { return header.request_api_version; }
  [[nodiscard]] Broker& broker() const { return shard.broker(); }
  [[nodiscard]] const metadata::ImageRef& image() const { return shard.image(); }

  /// What was asked has been copied and may take long: keeps nothing of the request from others. What was decoded of
  /// it, its header's texts too, is gone.
  void let_go_of_request() {
    header.client_id.reset();
    arena->reset();
    request.frame = {};
    slot.uncharge();
  }
  /// Sends `response` in its turn.
  template <class Response>
  void reply(kernel::Fiber& f, const Response& response) {
    slot.send(f, frame_of(f, response));
  }
  /// The request made no sense: its connection ends when its turn comes.
  void hang_up(kernel::Fiber& f) {
    shard.metrics.requests_malformed_total.add();
    slot.send(f, server::Reply::hang_up());
  }
  template <class Response>
  [[nodiscard]] server::Reply frame_of(kernel::Fiber& f, const Response& response) const {
    return frame_at(f, header.request_api_version, response);
  }
  template <class Response>
  [[nodiscard]] server::Reply frame_at(kernel::Fiber& f, std::int16_t version, const Response& response) const {
    const auto size = net::response_size(version, response);
    if (!size) {  // our own answer cannot be said in this version: a bug of ours, not the client's fault
      f.log().error("response_not_encodable", {{"api", Response::kName}, {"version", version}, {"error", size.error()}});
      return server::Reply::hang_up();
    }
    kernel::MutableBuffer buffer = kernel::MutableBuffer::allocate(size->stored_bytes);
    net::encode_response_into(buffer.bytes(), *size, version, header.correlation_id, response);
    server::Reply reply;
    reply.parts.push_back({.bytes = std::move(buffer).share()});
    return reply;
  }
};

/// The usual shape of a handler: decode, answer, encode.
template <class Request, class Response>
void answer(kernel::Fiber& f, Call& call, Response (*respond)(kernel::Fiber&, Call&, const Request&)) {
  const auto request = net::decode<Request>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  call.reply(f, respond(f, call, *request));
}

}  // namespace broker::handlers
