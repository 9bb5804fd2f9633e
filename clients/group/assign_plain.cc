// Range and round robin: the order of members and partitions alone decides.
#include <algorithm>
#include <set>

#include "clients/group/assignor.h"

namespace clients::group {

using net::PartitionId;

namespace {

bool reads(const Member& member, const std::string& topic) {
  return std::ranges::binary_search(member.subscription.topics, topic);
}

/// Topics that exist and are somebody's, in order.
std::set<std::string> topics_of(std::span<const Member> members, const PartitionCounts& counts) {
  std::set<std::string> topics;
  for (const Member& member : members) {
    for (const std::string& topic : member.subscription.topics) {
      if (counts.contains(topic)) topics.insert(topic);
    }
  }
  return topics;
}

Assignments nothing_for(std::span<const Member> members) {
  Assignments out;
  for (const Member& member : members) out[member.id];
  return out;
}

}  // namespace

Assignments assign_range(std::span<const Member> members, const PartitionCounts& counts) {
  Assignments out = nothing_for(members);
  for (const std::string& topic : topics_of(members, counts)) {
    std::vector<const Member*> readers;
    for (const Member& member : members) {
      if (reads(member, topic)) readers.push_back(&member);
    }
    const auto share = counts.find(topic)->second / static_cast<std::int32_t>(readers.size());
    auto larger_shares = counts.find(topic)->second % static_cast<std::int32_t>(readers.size());
    std::int32_t next = 0;
    for (const Member* reader : readers) {
      const std::int32_t end = next + share + (larger_shares-- > 0 ? 1 : 0);
      for (; next < end; ++next) out[reader->id].push_back({topic, PartitionId{next}});
    }
  }
  return out;
}

Assignments assign_round_robin(std::span<const Member> members, const PartitionCounts& counts) {
  Assignments out = nothing_for(members);
  std::size_t turn = 0;
  for (const std::string& topic : topics_of(members, counts)) {
    for (std::int32_t p = 0; p < counts.find(topic)->second; ++p) {
      while (!reads(members[turn], topic)) turn = (turn + 1) % members.size();
      out[members[turn].id].push_back({topic, PartitionId{p}});
      turn = (turn + 1) % members.size();
    }
  }
  return out;
}

}  // namespace clients::group
