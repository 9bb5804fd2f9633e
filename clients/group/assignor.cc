#include "clients/group/assignor.h"

#include <algorithm>
#include <set>

#include "kernel/check.h"

namespace clients::group {

namespace {

/// Java's order. Ids are compared by bytes; Java compares UTF-16, which differs only beyond the basic plane.
bool comes_first(const Member& a, const Member& b) {
  if (a.instance_id && b.instance_id) return *a.instance_id < *b.instance_id;
  if (a.instance_id.has_value() != b.instance_id.has_value()) return a.instance_id.has_value();
  return a.id < b.id;
}

Remembered claimed_by(AssignorKind kind, const Subscription& said) {
  if (kind == AssignorKind::sticky) {
    if (said.user_data) {
      if (auto remembered = parse_sticky(*said.user_data)) return std::move(*remembered);
    }
    return {};
  }
  Remembered out{said.owned, said.generation};
  if (said.version >= 2 || !said.user_data) return out;
  // Before version 2 the generation travels in the user data; librdkafka puts all that sticky remembers there.
  if (said.user_data->size() == sizeof(std::int32_t)) out.generation = kernel::load_be<std::int32_t>(said.user_data->data());
  else if (const auto remembered = parse_sticky(*said.user_data)) out.generation = remembered->generation;
  return out;
}

/// What one member has to give up is nobody's until it has: it says so by joining again without it.
void hold_back(Assignments& assignments, std::span<const Member> members) {
  std::set<TopicPartition> going;
  for (const Member& member : members) {
    const Partitions& keeps = assignments.at(member.id);
    for (const TopicPartition& at : member.subscription.owned) {
      if (!std::ranges::binary_search(keeps, at)) going.insert(at);
    }
  }
  for (const Member& member : members) {
    const std::set<TopicPartition> had{member.subscription.owned.begin(), member.subscription.owned.end()};
    std::erase_if(assignments.at(member.id), [&](const TopicPartition& at) { return going.contains(at) && !had.contains(at); });
  }
}

}  // namespace

std::string_view name_of(AssignorKind kind) {
  switch (kind) {
    case AssignorKind::range: return "range";
    case AssignorKind::round_robin: return "roundrobin";
    case AssignorKind::sticky: return "sticky";
    case AssignorKind::cooperative_sticky: return "cooperative-sticky";
  }
  std::unreachable();
}

std::optional<AssignorKind> assignor_named(std::string_view name) {
  for (const auto kind : {AssignorKind::range, AssignorKind::round_robin, AssignorKind::sticky, AssignorKind::cooperative_sticky}) {
    if (name == name_of(kind)) return kind;
  }
  return std::nullopt;
}

Assignments assign(AssignorKind kind, std::vector<Member> members, const PartitionCounts& counts) {
  std::ranges::sort(members, comes_first);
  std::vector<Remembered> had;
  for (Member& member : members) {
    auto& topics = member.subscription.topics;
    std::ranges::sort(topics);
    topics.erase(std::ranges::unique(topics).begin(), topics.end());
    had.push_back(claimed_by(kind, member.subscription));
  }
  Assignments assignments;
  switch (kind) {
    case AssignorKind::range: assignments = assign_range(members, counts); break;
    case AssignorKind::round_robin: assignments = assign_round_robin(members, counts); break;
    case AssignorKind::sticky:
    case AssignorKind::cooperative_sticky: assignments = assign_sticky(members, counts, had); break;
  }
  CHECK(assignments.size() == members.size());
  for (auto& [id, partitions] : assignments) std::ranges::sort(partitions);
  if (kind == AssignorKind::cooperative_sticky) hold_back(assignments, members);
  return assignments;
}

std::optional<Bytes> user_data(AssignorKind kind, const Remembered& had) {
  switch (kind) {
    case AssignorKind::range:
    case AssignorKind::round_robin: return std::nullopt;
    case AssignorKind::sticky:
      if (had.generation == kGenerationNone && had.owned.empty()) return std::nullopt;
      return encode_sticky(had);
    case AssignorKind::cooperative_sticky: return encode_generation(had.generation);
  }
  std::unreachable();
}

}  // namespace clients::group
