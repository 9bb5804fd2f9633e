// Who of a group reads what: pure functions that the group's leader runs. They have Java's names. Range and round robin
// give exactly Java's result; the sticky ones keep Java's promise (balanced, and nothing moves that need not), not its
// choice among equals. Racks are not looked at.
//
//   const Assignments all = assign(AssignorKind::range, members, {{"orders", 6}});
//   for (const TopicPartition& at : all.at(member.id)) ...
//
// Every partition of every topic that somebody subscribes to goes to exactly one member that subscribes to it (with the
// cooperative one: or to nobody, while its former owner has to give it up first). The order of `members` is no matter.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clients/group/protocol.h"

namespace clients::group {

enum class AssignorKind : std::uint8_t { range, round_robin, sticky, cooperative_sticky };
/// "range", "roundrobin", "sticky", "cooperative-sticky": what JoinGroup calls them.
[[nodiscard]] std::string_view name_of(AssignorKind kind);
[[nodiscard]] std::optional<AssignorKind> assignor_named(std::string_view name);

struct Member {
  std::string id;
  std::optional<std::string> instance_id;
  Subscription subscription;
};
/// How many partitions the topics have; one that is missing does not exist.
using PartitionCounts = std::map<std::string, std::int32_t, std::less<>>;
/// By member id; everybody is in it, partitions are sorted.
using Assignments = std::map<std::string, Partitions, std::less<>>;

/// Member ids must differ; subscriptions may hold anything.
[[nodiscard]] Assignments assign(AssignorKind kind, std::vector<Member> members, const PartitionCounts& counts);
/// What a member tells the leader's assignor of itself: the partitions it had in that generation.
[[nodiscard]] std::optional<Bytes> user_data(AssignorKind kind, const Remembered& had);

// Of each kind, for assign(): members are in Java's order (static ones by instance id, then the others by id), their
// topics sorted and each once.
[[nodiscard]] Assignments assign_range(std::span<const Member> members, const PartitionCounts& counts);
[[nodiscard]] Assignments assign_round_robin(std::span<const Member> members, const PartitionCounts& counts);
/// `had` has an entry for each member: what it claims to own.
[[nodiscard]] Assignments assign_sticky(std::span<const Member> members, const PartitionCounts& counts,
                                        std::span<const Remembered> had);

}  // namespace clients::group
