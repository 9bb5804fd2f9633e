// What an operator's tool asks the admin port, for tests.
//
//   EXPECT_EQ(http_get(f, {address, 9464}, "/health").status, 200);
#pragma once

#include <array>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include "kernel/fiber.h"
#include "kernel/node.h"

namespace broker::testing {

struct HttpAnswer {
  int status = 0;  ///< 0: the connection ended without an answer
  std::string head, body;
};

/// Sends `text` and reads to the end of the stream, 30 s at most.
inline HttpAnswer http_send(kernel::Fiber& f, const kernel::Endpoint& at, std::string_view text) {
  using namespace std::chrono_literals;
  const auto within = f.deadline_in(30s);
  auto socket = f.node().network().connect(f, at);
  if (!socket) return {};
  const kernel::Buffer bytes = kernel::Buffer::copy_of(text);
  static_cast<void>((*socket)->write(f, {&bytes, 1}));  // it may have answered already
  std::string all;
  std::array<std::byte, 4096> room;
  for (;;) {
    const auto n = (*socket)->read(f, room);
    if (!n || *n == 0) break;
    all += kernel::as_text({room.data(), *n});
  }
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  const std::size_t end = all.find("\r\n\r\n");
  HttpAnswer answer;
  if (!all.starts_with(kVersion) || end == std::string::npos) return answer;
  std::from_chars(all.data() + kVersion.size(), all.data() + end, answer.status);
  answer.head = all.substr(0, end);
  answer.body = all.substr(end + 4);
  return answer;
}
inline HttpAnswer http_get(kernel::Fiber& f, const kernel::Endpoint& at, std::string_view path) {
  return http_send(f, at, fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
}

}  // namespace broker::testing
