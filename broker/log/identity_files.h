// The files that say what a directory is.
//
//   meta.properties       one per log directory: version=1, cluster.id, node.id, directory.id
//   partition.metadata    one per partition: "version: 0" newline "topic_id: <id>"
//   .kafka_cleanshutdown  in a log directory after a clean stop only: {"version":0,"brokerEpoch":N}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/log/reason.h"
#include "net/types.h"
#include "net/uuid.h"

namespace broker::log {

struct MetaProperties {
  std::string cluster_id;
  std::int32_t node_id = -1;
  /// Not in every older file; whoever finds none makes one and writes it.
  std::optional<net::Uuid> directory_id;
  friend bool operator==(const MetaProperties&, const MetaProperties&) = default;
};
/// Errors: bad_version (also the format 0 of ZooKeeper times, and without one; the detail is the version), missing_key,
/// bad_line, duplicate; the detail is the number of the line then, 0 for a missing key.
kernel::Result<MetaProperties> parse_meta_properties(std::string_view text);
std::string format_meta_properties(const MetaProperties& properties);

/// Errors: bad_version, bad_line; the detail is the number of the line.
kernel::Result<net::TopicId> parse_partition_metadata(std::string_view text);
std::string format_partition_metadata(net::TopicId topic_id);

/// The broker epoch noted in a clean shutdown file. Its presence alone says that the stop was clean: nothing is
/// answered when its content cannot be read.
std::optional<std::int64_t> parse_clean_shutdown(std::string_view text);
std::string format_clean_shutdown(std::int64_t broker_epoch);

}  // namespace broker::log
