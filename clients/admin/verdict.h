// What a broker says of one of the things that it was asked about.
#pragma once

#include <string>

#include "net/errors.h"

namespace clients::admin {

/// `message` is the broker's own words, often empty.
struct Verdict {
  std::string name;
  net::ErrorCode code = net::ErrorCode::none;
  std::string message;
  [[nodiscard]] bool ok() const { return code == net::ErrorCode::none; }
};

}  // namespace clients::admin
