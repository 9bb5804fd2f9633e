// An image as the records that make it: what a snapshot holds. In Kafka's order, so that what a record refers to stands
// before it and the level that says how records are written comes first.
//
//   for (const std::vector<std::byte>& value : to_records(*image)) batch.append({.value = value});
//
// Applied to an empty image they give one with the same content.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "broker/metadata/image.h"
#include "net/messages/metadata_records.h"

namespace broker::metadata {

using FramedValue = std::vector<std::byte>;

/// Framed values. A record's version is the highest that the image's metadata.version allows.
[[nodiscard]] std::vector<FramedValue> to_records(const Image& image);

// Also for whoever decides a change.
/// The metadata.version from which on records name directories (3.7-IV2).
inline constexpr std::int16_t kWithDirectories = 17;

[[nodiscard]] FramedValue broker_record(const Broker& broker, std::int16_t metadata_version);
[[nodiscard]] FramedValue topic_record(const Topic& topic);
[[nodiscard]] FramedValue partition_record(const Topic& topic, std::size_t partition, std::int16_t metadata_version);
/// No value: it is not set any more.
[[nodiscard]] FramedValue setting_record(const Resource& resource, std::string_view name,
                                         std::optional<std::string_view> value);
[[nodiscard]] FramedValue feature_record(std::string_view name, std::int16_t level);

}  // namespace broker::metadata
