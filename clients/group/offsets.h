// Committed offsets of a group: read, written, deleted at its coordinator.
//
//   const Offsets known = TRY(fetch_offsets(f, coordinator, std::nullopt));            // all the group has
//   TRY(first_problem(TRY(commit_offsets(f, coordinator, {}, {{at, {.offset = net::Offset{42}}}}))));
//
// All are asked until they are answered (Coordinator::ask). Committing the same twice is harmless as long as nobody
// commits something else in between: whoever commits from several fibers keeps them in order.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "clients/core/coordinator.h"
#include "clients/group/protocol.h"

namespace clients::group {

struct OffsetAndMetadata {
  net::Offset offset{0};                                   ///< of the next record to read
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;   ///< of the last record read
  std::string metadata{};
  friend bool operator==(const OffsetAndMetadata&, const OffsetAndMetadata&) = default;
};
using Offsets = std::map<TopicPartition, OffsetAndMetadata>;
using Verdicts = std::map<TopicPartition, net::ErrorCode>;

/// In whose name: nobody's (the group must be empty or not use membership), or a member's of a generation.
struct MemberIdentity {
  std::string member_id{};
  std::optional<std::string> instance_id{};
  std::int32_t generation = kGenerationNone;
};

/// The committed ones among `partitions`, or all. Waits for offsets that a transaction has not decided yet.
/// Errors: broker_error (GROUP_AUTHORIZATION_FAILED, …), those of Coordinator::ask.
kernel::Result<Offsets> fetch_offsets(kernel::Fiber& f, core::Coordinator& coordinator,
                                      const std::optional<Partitions>& partitions, core::Lane lane = core::kLaneGeneral);
/// What the broker said of each. Errors: those of Coordinator::ask.
kernel::Result<Verdicts> commit_offsets(kernel::Fiber& f, core::Coordinator& coordinator, const MemberIdentity& as,
                                        const Offsets& offsets, core::Lane lane = core::kLaneGeneral);
/// Forgets offsets. GROUP_SUBSCRIBED_TO_TOPIC for those a member reads. Errors: broker_error for the whole group
/// (GROUP_ID_NOT_FOUND, …), those of Coordinator::ask.
kernel::Result<Verdicts> delete_offsets(kernel::Fiber& f, core::Coordinator& coordinator, const Partitions& partitions);
/// Errors: broker_error with the first code that is not none.
kernel::Result<> first_problem(const Verdicts& verdicts);

}  // namespace clients::group
