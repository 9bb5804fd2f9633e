// Which names a topic may have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace broker::controller {

inline constexpr std::size_t kTopicNameBytesMax = 249;
/// The metadata log's own topic, which clients can neither create nor delete.
inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

/// What is wrong with `name`, for people, in Kafka's words; nothing when a topic may have it.
[[nodiscard]] std::optional<std::string> check_topic_name(std::string_view name);
/// What the name becomes in metrics, where '.' and '_' are one: topics of one such name collide.
[[nodiscard]] std::string metric_name(std::string_view name);

}  // namespace broker::controller
