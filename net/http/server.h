// The little HTTP that operators' tools need: GET of a few fixed paths, one request a connection.
//
//   HttpServer server{[&](std::string_view path) -> HttpAnswer { ... }};
//   server.serve(f, *listener);      // until cancelled
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "kernel/fiber.h"
#include "kernel/network.h"

namespace net::http {

struct Answer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};
/// What a GET of `path` (without the query) answers. May not suspend.
using Handler = std::function<Answer(std::string_view path)>;

inline constexpr std::size_t kRequestBytesMax = 8 * 1024;
inline constexpr std::size_t kConnectionsMax = 32;

struct RequestLine {
  std::string_view method, path;
};
/// The first line of a request. Errors: corrupt.
kernel::Result<RequestLine> parse_request_line(std::string_view head);

/// Accepts and answers until `f` is cancelled. A slow or silent client is dropped after five seconds.
void serve(kernel::Fiber& f, kernel::Listener& listener, const Handler& handler);

}  // namespace net::http
