// The Apache Kafka release whose protocol and formats Kalda speaks. Schemas, advertised versions and metadata
// feature levels are those of this release; nothing else in the tree names it.
#pragma once

#include <string_view>

namespace net {

inline constexpr std::string_view kKafkaRelease = "4.4.0";

}  // namespace net
