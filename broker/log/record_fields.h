// What a record says, as fields for people and programs: of internal topics and control batches the name of its type
// and what its key and value hold, of any other its bytes. What is not understood (a type or version of a later
// release, bytes that do not fit) stays bytes, with a note of why.
//
//   fields_of(InternalTopic::consumer_offsets, key, value)
//       {"type": "OffsetCommit", "key": {"group": "billing", ...}, "version": 3, "value": {"offset": 42, ...}}
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "kernel/bytes.h"
#include "net/record/record_iterator.h"

namespace broker::log {

/// Topics whose records have schemas.
enum class InternalTopic : std::uint8_t {
  none,
  cluster_metadata,
  remote_log_metadata,
  consumer_offsets,
  transaction_state,
  share_group_state,
};
[[nodiscard]] InternalTopic internal_topic_of(std::string_view topic);
/// The topic of a file, by the name of the directory it lies in: "/data/orders-0/0.log" is of "orders", also when the
/// directory waits for its deletion. Empty when that is no partition's.
[[nodiscard]] std::string topic_of_file(std::string_view path);

/// Text that JSON and terminals take: anything but printable ASCII is escaped.
[[nodiscard]] std::string printable(kernel::ByteView bytes);
[[nodiscard]] nlohmann::ordered_json printable_or_null(const net::record::NullableBytes& bytes);

/// `key` and `value`, and where they are understood `type` and `version`, else for an internal topic `note`.
[[nodiscard]] nlohmann::ordered_json fields_of(InternalTopic topic, const net::record::NullableBytes& key,
                                               const net::record::NullableBytes& value);
/// The same of a record in a control batch; `type` is the word of net::record::ControlType.
[[nodiscard]] nlohmann::ordered_json control_fields_of(const net::record::NullableBytes& key,
                                                       const net::record::NullableBytes& value);

}  // namespace broker::log
