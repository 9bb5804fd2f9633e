#include "scenarios/oracles/group_ledger.h"

#include <fmt/format.h>

namespace scenarios {

using net::ErrorCode;
using net::Offset;

std::uint64_t GroupLedger::assigning(std::int32_t generation,
                                     const std::map<MemberKey, std::vector<std::int32_t>>& assignment) {
  assignments_.push_back(assignment);
  assignment_generations_.push_back(generation);
  return assignments_.size() - 1;
}

void GroupLedger::assigned(std::int32_t generation, const MemberKey& member, std::uint64_t assignment,
                           const std::vector<std::int32_t>& partitions) {
  run_.judged("G1");
  if (assignment >= assignments_.size() || assignment_generations_[assignment] != generation) {
    return run_.violation("G1", fmt::format("{} was told an assignment in generation {} that no leader gave there", member, generation));
  }
  const auto [told, is_new] = told_.emplace(generation, assignment);
  if (told->second != assignment) {
    run_.violation("G1", fmt::format("generation {} has two assignments: {} was told {}, others {}", generation, member,
                                     assignment, told->second));
  }
  const auto mine = assignments_[assignment].find(member);
  if (mine == assignments_[assignment].end() || mine->second != partitions) {
    run_.violation("G1", fmt::format("{} was told in generation {} what is not its own", member, generation));
  }
  newest_generation_ = std::max(newest_generation_, generation);
}

void GroupLedger::beat_taken(std::int32_t generation, std::int32_t newest_known, const MemberKey& member) {
  run_.judged("G2");
  if (generation < newest_known) {
    run_.violation("G2", fmt::format("{} goes on in generation {} although generation {} was known", member, generation, newest_known));
  }
}

void GroupLedger::processed(std::int32_t partition, Offset from, Offset to) {
  if (from >= to) return;
  auto& spans = processed_[partition];
  std::int64_t first = from.raw(), last = to.raw();
  auto at = spans.upper_bound(first);
  if (at != spans.begin() && std::prev(at)->second >= first) --at;
  while (at != spans.end() && at->first <= last) {
    first = std::min(first, at->first);
    last = std::max(last, at->second);
    at = spans.erase(at);
  }
  spans[first] = last;
}

Offset GroupLedger::processed_end(std::int32_t partition) const {
  const auto spans = processed_.find(partition);
  if (spans == processed_.end() || spans->second.empty() || spans->second.begin()->first != 0) return Offset{0};
  return Offset{spans->second.begin()->second};
}

std::uint64_t GroupLedger::committing(std::int32_t partition, std::int32_t generation, Offset offset) {
  commits_.push_back({.partition = partition, .generation = generation, .offset = offset,
                      .newest_known = newest_generation_, .sent = ++moment_});
  return commits_.size() - 1;
}

void GroupLedger::committed(std::uint64_t number, std::optional<ErrorCode> answer) {
  Commit& commit = commits_.at(number);
  if (!answer) return;
  if (*answer != ErrorCode::none) {
    // Only these say that it has not happened.
    commit.refused = *answer == ErrorCode::illegal_generation || *answer == ErrorCode::unknown_member_id ||
                     *answer == ErrorCode::fenced_instance_id;
    return;
  }
  commit.answered = ++moment_;
  answered_[commit.partition].push_back(number);
  run_.judged("G4");
  if (commit.generation < commit.newest_known) {
    run_.violation("G4", fmt::format("partition {}: a commit of generation {} was taken although generation {} was known",
                                     commit.partition, commit.generation, commit.newest_known));
  }
}

void GroupLedger::check_below(std::int32_t partition, Offset offset) {
  run_.judged("G6");
  if (offset > processed_end(partition)) {
    run_.violation("G6", fmt::format("partition {}: {} is committed, and everything is processed below {} only", partition,
                                     offset.raw(), processed_end(partition).raw()));
  }
}

void GroupLedger::fetched(std::int32_t partition, std::uint64_t asked, Offset offset, const std::string& metadata) {
  run_.judged("G5");
  run_.judged("G7");
  // The last answered commit before the question: what is told must not be older.
  const Commit* last = nullptr;
  std::int32_t newest_answered = -1;
  for (const std::uint64_t number : answered_[partition]) {
    const Commit& one = commits_[number];
    if (*one.answered >= asked) continue;
    if (last == nullptr || one.sent > last->sent) last = &one;
    newest_answered = std::max(newest_answered, one.generation);
  }
  if (offset < Offset{0}) {
    if (last != nullptr) {
      run_.violation("G7", fmt::format("partition {}: {} was committed and there is nothing", partition, last->offset.raw()));
    }
    return;
  }
  const bool ours = metadata.size() > 1 && metadata[0] == 'c' && metadata.find_first_not_of("0123456789", 1) == metadata.npos;
  const std::uint64_t number = ours ? std::stoull(metadata.substr(1)) : UINT64_MAX;
  if (number >= commits_.size() || commits_[number].partition != partition || commits_[number].offset != offset) {
    return run_.violation("G5", fmt::format("partition {}: committed is {} `{}`, which nobody wrote", partition, offset.raw(), metadata));
  }
  const Commit& told = commits_[number];
  if (told.refused) {
    run_.violation("G4", fmt::format("partition {}: the commit of {} was refused and is there", partition, offset.raw()));
  }
  // Replaced for certain: a commit that was sent when this one had been answered, and answered before the question; or one
  // of a newer generation, behind which this one can have come at no time.
  const bool replaced = last != nullptr && told.answered && *told.answered < last->sent;
  if (replaced || told.generation < newest_answered) {
    run_.violation("G5", fmt::format("partition {}: committed is {} of generation {}, although {} of generation {} was answered",
                                     partition, offset.raw(), told.generation, last->offset.raw(), last->generation));
  }
  check_below(partition, offset);
}

}  // namespace scenarios
