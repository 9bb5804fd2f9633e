// Balanced, and nothing moves that need not.
//
// 1. Everybody keeps what it claims, as long as it subscribes to it. Of two claims the one of the later generation
//    counts; of two of the same generation none does, since one of them must be wrong.
// 2. What is nobody's goes to whoever may read it and has least, topics with the fewest readers first.
// 3. While somebody has at least two more than another who may read one of its partitions, that one moves: first from
//    who has most, and first a partition it did not have before.
//
// Each move of step 3 lowers the sum of the squared loads, so it ends; it ends where Java's contract is met. With equal
// subscriptions nobody gives up more than its surplus, so the number of moves is the least possible.
#include <algorithm>
#include <set>

#include "clients/group/assignor.h"

namespace clients::group {

using net::PartitionId;

namespace {

class Balance {
 public:
  Balance(std::span<const Member> members, const PartitionCounts& counts) : members_{members}, counts_{counts} {
    held_.resize(members.size());
    loads_.resize(members.size(), 0);
    kinds_of_.resize(members.size());
    for (std::size_t m = 0; m < members.size(); ++m) everybody_.emplace(0, m);
    std::map<std::string, std::vector<std::size_t>> readers;
    for (std::size_t m = 0; m < members.size(); ++m) {
      for (const std::string& topic : members[m].subscription.topics) {
        if (counts.contains(topic)) readers[topic].push_back(m);
      }
    }
    std::map<std::vector<std::size_t>, std::size_t> known;
    for (auto& [topic, who] : readers) {
      const auto [at, fresh] = known.try_emplace(who, known.size());
      kind_of_[topic] = at->second;
      if (!fresh) continue;
      for (const std::size_t m : who) kinds_of_[m].push_back(at->second);
      auto& queue = queues_.emplace_back();
      for (const std::size_t m : who) queue.emplace(0, m);
    }
    for (auto& held : held_) held.resize(queues_.size());
  }

  void keep(std::span<const Remembered> had) {
    struct Claim {
      std::int32_t generation;
      std::optional<std::size_t> owner;
    };
    std::map<TopicPartition, Claim> claims;
    for (std::size_t m = 0; m < had.size(); ++m) {
      for (const TopicPartition& at : std::set<TopicPartition>{had[m].owned.begin(), had[m].owned.end()}) {
        if (!may_have(m, at)) continue;
        const auto [known, fresh] = claims.try_emplace(at, Claim{had[m].generation, m});
        Claim& claim = known->second;
        if (fresh || claim.generation > had[m].generation) continue;
        claim = {had[m].generation, claim.generation == had[m].generation ? std::nullopt : std::optional{m}};
      }
    }
    for (const auto& [at, claim] : claims) {
      if (claim.owner) give(*claim.owner, at, /*kept=*/true);
    }
    for (const auto& [topic, kind] : kind_of_) {
      for (std::int32_t p = 0; p < counts_.find(topic)->second; ++p) {
        TopicPartition at{topic, PartitionId{p}};
        const auto claim = claims.find(at);
        if (claim == claims.end() || !claim->second.owner) nobodys_.push_back(std::move(at));
      }
    }
  }
  void hand_out() {
    const auto readers = [&](const TopicPartition& at) { return queues_[kind_of_.at(at.topic)].size(); };
    std::ranges::sort(nobodys_, {}, [&](const TopicPartition& at) { return std::pair{readers(at), at}; });
    for (const TopicPartition& at : nobodys_) give(queues_[kind_of_.at(at.topic)].begin()->second, at, /*kept=*/false);
  }
  void level() {
    while (move_one()) {
    }
  }
  [[nodiscard]] Assignments result() const {
    Assignments out;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      Partitions& mine = out[members_[m].id];
      for (const Held& held : held_[m]) {
        mine.insert(mine.end(), held.kept.begin(), held.kept.end());
        mine.insert(mine.end(), held.fresh.begin(), held.fresh.end());
      }
    }
    return out;
  }

 private:
  /// Topics with the same readers are of one kind: for moves they are alike.
  struct Held {
    Partitions kept, fresh;
    [[nodiscard]] bool empty() const { return kept.empty() && fresh.empty(); }
  };
  using Queue = std::set<std::pair<std::size_t, std::size_t>>;  ///< (load, member)

  [[nodiscard]] bool may_have(std::size_t m, const TopicPartition& at) const {
    const auto count = counts_.find(at.topic);
    return count != counts_.end() && at.partition.raw() >= 0 && at.partition.raw() < count->second &&
           std::ranges::binary_search(members_[m].subscription.topics, at.topic);
  }
  void give(std::size_t m, const TopicPartition& at, bool kept) {
    Held& held = held_[m][kind_of_.at(at.topic)];
    (kept ? held.kept : held.fresh).push_back(at);
    set_load(m, loads_[m] + 1);
  }
  void set_load(std::size_t m, std::size_t load) {
    for (const std::size_t kind : kinds_of_[m]) {
      queues_[kind].erase({loads_[m], m});
      queues_[kind].emplace(load, m);
    }
    everybody_.erase({loads_[m], m});
    everybody_.emplace(load, m);
    loads_[m] = load;
  }
  bool move_one() {
    for (auto fullest = everybody_.rbegin(); fullest != everybody_.rend(); ++fullest) {
      const std::size_t from = fullest->second;
      for (const std::size_t kind : kinds_of_[from]) {
        Held& held = held_[from][kind];
        const auto [least, to] = *queues_[kind].begin();
        if (held.empty() || loads_[from] < least + 2) continue;
        Partitions& source = held.fresh.empty() ? held.kept : held.fresh;
        const TopicPartition at = std::move(source.back());
        source.pop_back();
        set_load(from, loads_[from] - 1);
        give(to, at, /*kept=*/false);
        return true;
      }
    }
    return false;
  }

  std::span<const Member> members_;
  const PartitionCounts& counts_;
  std::map<std::string, std::size_t> kind_of_;       ///< by topic
  std::vector<std::vector<std::size_t>> kinds_of_;   ///< by member
  Queue everybody_;                                  ///< who has least first
  std::vector<Queue> queues_;                        ///< by kind: its readers, who has least first
  std::vector<std::vector<Held>> held_;              ///< by member and kind
  std::vector<std::size_t> loads_;
  Partitions nobodys_;
};

}  // namespace

Assignments assign_sticky(std::span<const Member> members, const PartitionCounts& counts,
                          std::span<const Remembered> had) {
  Balance balance{members, counts};
  balance.keep(had);
  balance.hand_out();
  balance.level();
  return balance.result();
}

}  // namespace clients::group
