// Any bytes as the head of a request to the admin port: method and path come from the first line and are what handlers may
// rely on, and the same line said again gives the same.
#include <string>

#include "kernel/check.h"
#include "net/http/server.h"

using namespace net::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view head{reinterpret_cast<const char*>(data), size};
  const auto line = parse_request_line(head);
  if (!line) return 0;
  const std::string_view first = head.substr(0, head.find("\r\n"));
  CHECK(first.starts_with(line->method));
  CHECK(line->method.find(' ') == line->method.npos);
  CHECK(line->path.starts_with('/'));
  CHECK(line->path.find_first_of(" ?") == line->path.npos);
  CHECK(line->path.data() >= first.data() && line->path.data() + line->path.size() <= first.data() + first.size());
  const std::string again = std::string{line->method} + " " + std::string{line->path} + " HTTP/1.1\r\n\r\n";
  const auto same = parse_request_line(again);
  CHECK(same && same->method == line->method && same->path == line->path);
  return 0;
}
