#include "net/http/server.h"

#include <array>

#include <fmt/format.h>

#include "kernel/scope.h"
#include "kernel/semaphore.h"

namespace net::http {
namespace {

using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

Result<std::string> read_head(Fiber& f, kernel::Socket& socket) {
  std::string head;
  std::array<std::byte, 1024> room;
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (head.size() >= kRequestBytesMax) return fail(Errc::too_large);
    const std::size_t n = TRY(socket.read(f, room));
    if (n == 0) return fail(Errc::closed);
    head += kernel::as_text({room.data(), n});
  }
  return head;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

Result<> send(Fiber& f, kernel::Socket& socket, const Answer& answer, bool with_body) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.status,
      reason_of(answer.status), answer.content_type, answer.body.size());
  if (with_body) text += answer.body;
  const kernel::Buffer bytes = kernel::Buffer::copy_of(text);
  return socket.write(f, {&bytes, 1});
}

Result<> answer_one(Fiber& f, kernel::Socket& socket, const Handler& handler) {
  const auto within = f.deadline_in(5s);
  const std::string head = TRY(read_head(f, socket));
  const auto line = parse_request_line(head);
  if (!line) return send(f, socket, {.status = 400, .body = "this is not HTTP\n"}, true);
  if (line->method != "GET" && line->method != "HEAD") {
    return send(f, socket, {.status = 405, .body = "only GET is answered here\n"}, true);
  }
  return send(f, socket, handler(line->path), line->method == "GET");
}

}  // namespace

Result<RequestLine> parse_request_line(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos || !line.substr(second + 1).starts_with("HTTP/1.")) return fail(Errc::corrupt);
  std::string_view path = line.substr(first + 1, second - first - 1);
  path = path.substr(0, path.find('?'));
  if (!path.starts_with('/')) return fail(Errc::corrupt);
  return RequestLine{line.substr(0, first), path};
}

void serve(Fiber& f, kernel::Listener& listener, const Handler& handler) {
  kernel::Scope scope{f};
  kernel::Semaphore places{static_cast<std::int64_t>(kConnectionsMax)};
  for (;;) {
    auto place = places.acquire(f, 1);
    if (!place) break;
    auto socket = listener.accept(f);
    if (!socket) {
      if (socket.error().is(Errc::cancelled) || !f.sleep(100ms)) break;
      continue;
    }
    scope.spawn("http", [&handler, socket = std::move(*socket), place = std::move(*place)](Fiber& child) {
      static_cast<void>(answer_one(child, *socket, handler));
      socket->shutdown_write();
    });
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace net::http
