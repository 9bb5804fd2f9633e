// What the admin port shows: /metrics for Prometheus, /health (the process serves) and /ready (every partition does).
#pragma once

#include "net/http/server.h"

namespace broker {

class Broker;

[[nodiscard]] net::http::Answer answer_admin(const Broker& broker, kernel::Fiber& f, std::string_view path);

}  // namespace broker
