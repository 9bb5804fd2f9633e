// A client that may send anything: whole requests, parts of frames, bytes that are none. Answers are checked by hand.
//
//   RawClient client = *RawClient::connect(f, at);
//   auto answer = client.call(f, 8, produce_request);       // EXPECT_EQ(answer->response.responses[0]...
//   client.send(f, bytes); EXPECT_TRUE(client.is_hung_up(f));
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kernel/fiber.h"
#include "kernel/node.h"
#include "net/framing.h"

namespace broker::testing {

using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

/// A decoded response with the bytes that it points into.
template <class Response>
struct Answer {
  kernel::Buffer frame;
  std::unique_ptr<net::Arena> arena;
  net::ResponseHeader header;
  Response response;
};

inline std::vector<std::byte> be32(std::int64_t value) {
  std::vector<std::byte> out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift & 0xff));
  return out;
}
inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto view = kernel::as_bytes(text);
  return {view.begin(), view.end()};
}
inline std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A frame with header version 1, whatever the API and version; the body as it is given.
inline std::vector<std::byte> frame_of(std::int16_t api, std::int16_t version, const std::vector<std::byte>& body,
                                       std::int32_t correlation = 7) {
  std::vector<std::byte> head = be32(static_cast<std::int64_t>(api) << 16 | static_cast<std::uint16_t>(version));
  head = head + be32(correlation) + bytes_of(std::string_view{"\0\1c", 3});
  return be32(static_cast<std::int64_t>(head.size() + body.size())) + head + body;
}

class RawClient {
 public:
  static Result<RawClient> connect(Fiber& f, const kernel::Endpoint& at) {
    return RawClient{TRY(f.node().network().connect(f, at))};
  }

  Result<> send(Fiber& f, const std::vector<std::byte>& bytes) {
    const kernel::Buffer one = kernel::Buffer::copy_of(kernel::ByteView{bytes});
    return socket_->write(f, {&one, 1});
  }
  /// The next frame without its size. Errors: connection_reset at the end of the stream, deadline after 30 s.
  Result<kernel::Buffer> receive(Fiber& f) {
    const auto within = f.deadline_in(30s);
    std::byte prefix[net::kFrameSizeBytes];
    TRY(read_exactly(f, prefix));
    auto frame = kernel::MutableBuffer::allocate(static_cast<std::size_t>(kernel::load_be<std::int32_t>(prefix)));
    TRY(read_exactly(f, frame.bytes()));
    return std::move(frame).share();
  }
  /// True when the broker ends the connection without another byte.
  bool is_hung_up(Fiber& f) {
    const auto frame = receive(f);
    return !frame && frame.error().is(kernel::Errc::connection_reset);
  }

  template <class Request>
  Result<Answer<typename Request::Response>> call(Fiber& f, std::int16_t version, const Request& request) {
    using Response = typename Request::Response;
    TRY(send(f, TRY(net::encode_request(version, ++correlation_, "raw", request)).bytes));
    Answer<Response> answer{TRY(receive(f)), std::make_unique<net::Arena>(), {}, {}};
    net::Reader reader{answer.frame.view(), *answer.arena};
    answer.header = TRY(net::decode_response_header(reader, Request::kApiKey, version));
    answer.response = TRY(net::decode<Response>(reader, version));
    return answer;
  }
  kernel::Socket& socket() { return *socket_; }

 private:
  explicit RawClient(kernel::SocketHandle socket) : socket_{std::move(socket)} {}
  Result<> read_exactly(Fiber& f, kernel::MutableByteView out) {
    while (!out.empty()) {
      const std::size_t n = TRY(socket_->read(f, out));
      if (n == 0) return kernel::fail(kernel::Errc::connection_reset);
      out = out.subspan(n);
    }
    return {};
  }
  kernel::SocketHandle socket_;
  std::int32_t correlation_ = 0;
};

}  // namespace broker::testing
