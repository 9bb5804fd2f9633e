// What the members of one group were told, and what their committed offsets may be: the reference for groups.
//
// Judged as it happens: G1 (a generation has one assignment, in which a partition has one owner), G4 (who is of an older
// generation commits nothing), G5 (a committed offset is a register: what is read was written, and is not what a later
// answered commit has replaced), G6 (below a committed offset everything was processed), G7 (who begins, begins where
// the group was).
//
// An answer that never came leaves two possibilities open until the broker has died since, or for ever.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/errors.h"
#include "net/types.h"
#include "scenarios/run.h"

namespace scenarios {

/// Who a member is across its ids: its instance id, or its member id.
using MemberKey = std::string;

class GroupLedger {
 public:
  explicit GroupLedger(Run& run) : run_{run} {}

  /// A leader is about to hand this out. Answers what tells this assignment from others of the generation: it is to be
  /// part of what each member is sent.
  std::uint64_t assigning(std::int32_t generation, const std::map<MemberKey, std::vector<std::int32_t>>& assignment);
  /// A member was told by SyncGroup what it has to do.
  void assigned(std::int32_t generation, const MemberKey& member, std::uint64_t assignment,
                const std::vector<std::int32_t>& partitions);
  /// A heartbeat of `generation`, which went out when `newest_known` was the newest, was answered without an error: G2,
  /// whoever others have taken over from must hear of it.
  void beat_taken(std::int32_t generation, std::int32_t newest_known, const MemberKey& member);
  /// The newest generation that somebody was told of.
  [[nodiscard]] std::int32_t newest_generation() const { return newest_generation_; }

  /// Everything below was processed by members.
  void processed(std::int32_t partition, net::Offset from, net::Offset to);
  [[nodiscard]] net::Offset processed_end(std::int32_t partition) const;

  /// A commit goes out; answers its number, which is to be its metadata (metadata_of()).
  std::uint64_t committing(std::int32_t partition, std::int32_t generation, net::Offset offset);
  /// Nothing: no answer came.
  void committed(std::uint64_t commit, std::optional<net::ErrorCode> answer);
  static std::string metadata_of(std::uint64_t commit) { return "c" + std::to_string(commit); }
  /// When a question about committed offsets goes out.
  [[nodiscard]] std::uint64_t now() { return ++moment_; }
  /// The answer to a question of the moment `asked`: offset -1 for none.
  void fetched(std::int32_t partition, std::uint64_t asked, net::Offset offset, const std::string& metadata);

 private:
  struct Commit {
    std::int32_t partition = 0;
    std::int32_t generation = -1;
    net::Offset offset{-1};
    std::int32_t newest_known = -1;           ///< the newest generation when it went out
    std::uint64_t sent = 0;
    std::optional<std::uint64_t> answered{};  ///< with success
    bool refused = false;
  };
  void check_below(std::int32_t partition, net::Offset offset);

  Run& run_;
  std::uint64_t moment_ = 0;
  std::int32_t newest_generation_ = -1;
  std::vector<std::map<MemberKey, std::vector<std::int32_t>>> assignments_;  ///< by number
  std::vector<std::int32_t> assignment_generations_;
  std::map<std::int32_t, std::uint64_t> told_;                               ///< generation -> assignment
  std::vector<Commit> commits_;                                              ///< by number
  std::map<std::int32_t, std::vector<std::uint64_t>> answered_;              ///< by partition, in the order of answers
  std::map<std::int32_t, std::map<std::int64_t, std::int64_t>> processed_;   ///< by partition: from -> to, apart
};

}  // namespace scenarios
