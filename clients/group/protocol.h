// What members of a group of consumers say to their leader and what it says to them, inside JoinGroup and SyncGroup:
// bytes that the broker passes on. The same on the wire as Java's, in all versions (0-3).
//
//   request.metadata = encode_subscription({.topics = {"orders"}});
//   const Subscription said = TRY(parse_subscription(member.metadata));
//
// The bytes come from other members, so nothing in them is believed: what cannot be read is malformed_subscription or
// malformed_assignment. Newer versions only append, so they are read as the newest we know.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clients/core/metadata.h"
#include "kernel/bytes.h"
#include "kernel/result.h"

namespace clients::group {

using core::TopicPartition;
using Bytes = std::vector<std::byte>;
using Partitions = std::vector<TopicPartition>;

inline constexpr std::int16_t kProtocolVersionLast = 3;
inline constexpr std::int32_t kGenerationNone = -1;
/// Of JoinGroup, for all consumers.
inline constexpr std::string_view kProtocolType = "consumer";

struct Subscription {
  std::vector<std::string> topics;
  std::optional<Bytes> user_data;               ///< of the assignor
  Partitions owned;                             ///< v1: what the member goes on reading
  std::int32_t generation = kGenerationNone;    ///< v2: of `owned`
  std::optional<std::string> rack;              ///< v3
  std::int16_t version = kProtocolVersionLast;  ///< it came in, whatever it claimed
};
/// Topics and partitions are written sorted, as Java does.
[[nodiscard]] Bytes encode_subscription(const Subscription& subscription,
                                        std::int16_t version = kProtocolVersionLast);
/// Errors: malformed_subscription (detail is the size in bytes).
[[nodiscard]] kernel::Result<Subscription> parse_subscription(kernel::ByteView bytes);

[[nodiscard]] Bytes encode_assignment(Partitions partitions, std::int16_t version = kProtocolVersionLast);
/// Sorted, each once. No bytes at all are no partitions: what a member gets that its leader does not know.
/// Errors: malformed_assignment (detail is the size in bytes), also for a negative partition.
[[nodiscard]] kernel::Result<Partitions> parse_assignment(kernel::ByteView bytes);

/// What the sticky assignor remembers (its user data): the partitions it had, and since which generation.
struct Remembered {
  Partitions owned;
  std::int32_t generation = kGenerationNone;
};
[[nodiscard]] Bytes encode_sticky(const Remembered& remembered);
/// Also the older form without a generation. Nothing when it is neither.
[[nodiscard]] std::optional<Remembered> parse_sticky(kernel::ByteView bytes);
/// The cooperative assignor's: the generation alone.
[[nodiscard]] Bytes encode_generation(std::int32_t generation);

}  // namespace clients::group
