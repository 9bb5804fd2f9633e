#include <charconv>
#include <functional>

#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/find_coordinator.h"
#include "net/messages/heartbeat.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/sync_group.h"
#include "scenarios/workloads/fetch.h"
#include "scenarios/workloads/group.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kProtocol = "by-lot";
/// A rebalance ends within its timeout, of 8 s at most, and the group's initial delay, of 2.
constexpr auto kJoinMax = 20s;

/// "7:0,2": the assignment's number in the ledger and the partitions.
std::string assignment_text(std::uint64_t number, const std::vector<std::int32_t>& partitions) {
  return fmt::format("{}:{}", number, fmt::join(partitions, ","));
}
struct Assignment {
  std::uint64_t number = UINT64_MAX;
  std::vector<std::int32_t> partitions;
};
Assignment parse_assignment(std::string_view text) {
  Assignment out;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, out.number);
  while (parsed.ec == std::errc{} && end - parsed.ptr > 1) {
    std::int32_t partition = -1;
    parsed = std::from_chars(parsed.ptr + 1, end, partition);
    out.partitions.push_back(partition);
  }
  return parsed.ec == std::errc{} ? out : Assignment{};
}

class Member {
 public:
  Member(GroupStage& group, const MemberPlan& plan, Cluster& cluster)
      : group_{group}, stage_{group.stage}, plan_{plan}, cluster_{cluster},
        random_{group.stage.run.random("member").split(plan.id)} {
    if (plan.is_static) instance_id_ = fmt::format("worker-{}", plan.id);
  }

  void work(Fiber& f) {
    while (!stage_.stopping) {
      note_rest();
      if (!is_in_) {
        if (!enter(f) && !pause(f, 50, 400)) return;
        continue;
      }
      if (f.now() >= heartbeat_due_) beat(f);
      if (is_in_) process(f);
      if (is_in_ && f.now() >= commit_due_) commit_all(f);
      if (plan_.is_restless && stage_.producing) wander(f);
      if (!pause(f, 5, 100)) return;
    }
  }

 private:
  bool pause(Fiber& f, std::int64_t least_ms, std::int64_t most_ms) {
    return f.sleep(std::chrono::milliseconds{random_.between(least_ms, most_ms)}).has_value();
  }
  [[nodiscard]] std::optional<std::string_view> instance() const {
    return instance_id_ ? std::optional<std::string_view>{*instance_id_} : std::nullopt;
  }
  [[nodiscard]] MemberKey key() const { return instance_id_.value_or(member_id_); }
  [[nodiscard]] bool is_at_rest() const {
    return is_in_ && at_end_ && std::ranges::all_of(positions_, [](const auto& one) {
             return one.second.next == std::max(one.second.committed, Offset{0});
           });
  }
  /// Whenever rest may have begun or ended: the auditor must not take for rest what was one while a request is out.
  void note_rest() { group_.settled_in[plan_.id] = is_at_rest() ? std::optional{generation_} : std::nullopt; }
  void fall_out(bool forget_id) {
    is_in_ = false;
    at_end_ = false;
    note_rest();
    if (forget_id) member_id_.clear();
  }
  /// What a refusal means for membership.
  void take(ErrorCode code) {
    switch (code) {
      case ErrorCode::unknown_member_id:
      case ErrorCode::fenced_instance_id: return fall_out(true);
      case ErrorCode::illegal_generation:
      case ErrorCode::rebalance_in_progress: return fall_out(false);
      default: return;  // the coordinator is away: it comes back, and knows
    }
  }

  bool enter(Fiber& f) {
    net::FindCoordinatorRequest find;
    find.key = group_.name;
    const auto found = cluster_.request_any(f, find, {.timeout = 5s, .versions = {.first = 1, .last = 3}});
    if (!found || (*found)->error_code != ErrorCode::none) return false;
    net::Arena arena;
    net::JoinGroupRequest request;
    request.group_id = group_.name;
    request.session_timeout_ms = plan_.session_timeout_ms;
    request.rebalance_timeout_ms = plan_.rebalance_timeout_ms;
    request.member_id = member_id_;
    request.group_instance_id = instance();
    request.protocol_type = "consumer";
    arena.push_back(request.protocols, {.name = kProtocol, .metadata = kernel::as_bytes("any")});
    const bool in_peace = stage_.healed;
    const std::uint64_t start = stage_.broker_starts;
    const auto joined = cluster_.request_any(f, request, {.timeout = kJoinMax});
    if (in_peace && start == stage_.broker_starts) {
      stage_.run.judged("G10");
      if (!joined && joined.error().is(kernel::Errc::deadline)) stage_.run.violation("G10", fmt::format("a join was not answered within {} s: {}", kJoinMax / 1s, describe(joined.error())));
    }
    if (!joined) return false;
    const net::JoinGroupResponse& told = joined->message;
    if (told.error_code == ErrorCode::member_id_required) {
      member_id_ = told.member_id;
      return true;
    }
    if (told.error_code != ErrorCode::none) {
      take(told.error_code);
      return false;
    }
    member_id_ = told.member_id;
    return sync(f, told);
  }

  bool sync(Fiber& f, const net::JoinGroupResponse& joined) {
    net::Arena arena;
    net::SyncGroupRequest request;
    request.group_id = group_.name;
    request.generation_id = joined.generation_id;
    request.member_id = member_id_;
    request.group_instance_id = instance();
    request.protocol_type = "consumer";
    request.protocol_name = kProtocol;
    if (joined.leader == member_id_ && !joined.skip_assignment) {
      std::map<MemberKey, std::vector<std::int32_t>> work;
      std::vector<std::pair<std::string_view, MemberKey>> keys;
      for (const auto& one : joined.members) {
        keys.emplace_back(one.member_id, std::string{one.group_instance_id.value_or(one.member_id)});
        work[keys.back().second];
      }
      for (std::int32_t p = 0; p < stage_.partitions; ++p) work[keys[random_.below(keys.size())].second].push_back(p);
      const std::uint64_t number = group_.ledger.assigning(joined.generation_id, work);
      for (const auto& [id, key] : keys) {
        const std::string text = assignment_text(number, work[key]);
        arena.push_back(request.assignments, {.member_id = id, .assignment = kernel::as_bytes(arena.copy(text))});
      }
      stage_.on_moment();
    }
    const auto answer = cluster_.request_any(f, request, {.timeout = 10s});
    if (!answer) return false;
    if ((*answer)->error_code != ErrorCode::none) {
      take((*answer)->error_code);
      return false;
    }
    const Assignment mine = parse_assignment(kernel::as_text((*answer)->assignment));
    group_.ledger.assigned(joined.generation_id, key(), mine.number, mine.partitions);
    const std::int32_t generation_before = std::exchange(generation_, joined.generation_id);
    is_in_ = true;
    at_end_ = false;
    note_rest();
    positions_.clear();
    owned_ = mine.partitions;
    heartbeat_due_ = f.now();
    commit_due_ = f.now() + plan_.commit_interval;
    if (random_.below(2) == 0) repeat_from_before(f, generation_before);
    return true;
  }

  /// As requests do that were on their way for long: G2 and G4, they change nothing, and their senders are told.
  void repeat_from_before(Fiber& f, std::int32_t generation_before) {
    if (generation_before >= 0 && generation_before < generation_) {
      const std::uint64_t number = group_.ledger.committing(0, generation_before, Offset{0});
      const auto done = commit_offset(f, cluster_, group_.name, member_id_, instance(), generation_before, stage_.topic, 0,
                                      {Offset{0}, GroupLedger::metadata_of(number)});
      const ErrorCode code = done ? ErrorCode::none : clients::core::broker_code(done.error());
      if (done || code != ErrorCode::none) group_.ledger.committed(number, code);
    }
    if (!plan_.is_static) return;
    const GroupStage::Former former = std::exchange(group_.formers[plan_.id], {member_id_, generation_});
    if (former.member_id.empty() || former.member_id == member_id_) return;
    net::HeartbeatRequest request;
    request.group_id = group_.name;
    request.generation_id = former.generation;
    request.member_id = former.member_id;
    request.group_instance_id = instance();
    const auto binds = binding();
    const auto answer = cluster_.request_any(f, request, {.timeout = 5s});
    if (!answer) return;
    stage_.run.judged("G2");
    if ((*answer)->error_code == ErrorCode::none && binds())
      stage_.run.violation("G2", fmt::format("{} was replaced as {} and is not told", former.member_id, *instance_id_));
  }

  /// Whether what is answered from now on comes from a coordinator that knows its groups.
  std::function<bool()> binding() {
    return [this, is_loaded = stage_.coordinators_loaded(), start = stage_.broker_starts] {
      return is_loaded && stage_.broker_starts == start;
    };
  }

  void beat(Fiber& f) {
    heartbeat_due_ = f.now() + std::chrono::milliseconds{plan_.session_timeout_ms / 4};
    net::HeartbeatRequest request;
    request.group_id = group_.name;
    request.generation_id = generation_;
    request.member_id = member_id_;
    request.group_instance_id = instance();
    const std::int32_t newest_known = group_.ledger.newest_generation();
    const auto binds = binding();
    const auto answer = cluster_.request_any(f, request, {.timeout = 5s});
    if (!answer) return;
    const ErrorCode code = (*answer)->error_code;
    if (code == ErrorCode::none && binds()) group_.ledger.beat_taken(generation_, newest_known, key());
    if (code == ErrorCode::rebalance_in_progress) commit_all(f);
    take(code);
  }

  /// Where the group was: G5, G6 and G7 are judged by what is told here.
  bool find_positions(Fiber& f) {
    const std::uint64_t asked = group_.ledger.now();
    const auto told = committed_offsets(f, cluster_, group_.name, stage_.topic, owned_);
    if (!told) return false;
    for (std::size_t i = 0; i < owned_.size(); ++i) {
      const CommittedOffset& one = (*told)[i];
      group_.ledger.fetched(owned_[i], asked, one.offset, one.metadata);
      positions_[owned_[i]] = {std::max(one.offset, Offset{0}), one.offset};
    }
    return true;
  }

  void process(Fiber& f) {
    if (positions_.empty() && !owned_.empty() && !find_positions(f)) return;
    at_end_ = true;
    for (auto& [partition, position] : positions_) {
      const PartitionName at{stage_.topic, partition};
      const FetchAsk ask{.at = at, .topic = stage_.topic, .from = position.next, .reader = reader_, .bytes_max = 8192};
      stage_.ledger.reader_starts(at, reader_, position.next);
      const auto fetched = fetch_once(f, cluster_, stage_, ask);
      if (!fetched || fetched->next > position.next) at_end_ = false;
      if (!fetched) continue;
      group_.ledger.processed(partition, position.next, fetched->next);
      position.next = fetched->next;
      note_rest();
    }
  }

  void commit_all(Fiber& f) {
    commit_due_ = f.now() + plan_.commit_interval;
    for (auto& [partition, position] : positions_) {
      if (position.next == position.committed) continue;
      const std::uint64_t number = group_.ledger.committing(partition, generation_, position.next);
      const Offset offset = position.next;
      const auto done = commit_offset(f, cluster_, group_.name, member_id_, instance(), generation_, stage_.topic, partition,
                                      {offset, GroupLedger::metadata_of(number)});
      if (done) {
        group_.ledger.committed(number, ErrorCode::none);
        position.committed = offset;
        stage_.on_moment();
        continue;
      }
      const ErrorCode code = clients::core::broker_code(done.error());
      if (code != ErrorCode::none) group_.ledger.committed(number, code);
      if (code != ErrorCode::rebalance_in_progress) take(code);
      if (!is_in_) return;
    }
  }

  void wander(Fiber& f) {
    if (random_.below(400) == 0) {  // as one whose machine was asleep: it goes on in a generation that may be over
      static_cast<void>(pause(f, plan_.session_timeout_ms / 2, 3 * plan_.session_timeout_ms));
      process(f);
      commit_all(f);
    }
    if (random_.below(600) == 0 && !plan_.is_static) {
      net::Arena arena;
      net::LeaveGroupRequest request;
      request.group_id = group_.name;
      arena.push_back(request.members, {.member_id = member_id_});
      static_cast<void>(cluster_.request_any(f, request, {.timeout = 5s, .versions = {.first = 3, .last = 5}}));
      fall_out(true);
    }
  }

  struct Position {
    Offset next{0};
    Offset committed{-1};
  };
  GroupStage& group_;
  Stage& stage_;
  const MemberPlan& plan_;
  Cluster& cluster_;
  kernel::Random random_;
  const std::uint64_t reader_ = 10'000 + plan_.id;  ///< in the stage's ledger
  std::optional<std::string> instance_id_;
  std::string member_id_;
  bool is_in_ = false;
  bool at_end_ = false;
  std::int32_t generation_ = -1;
  std::vector<std::int32_t> owned_;
  std::map<std::int32_t, Position> positions_;
  kernel::Mono heartbeat_due_{};
  kernel::Mono commit_due_{};
};

}  // namespace

void work_in_group(Fiber& f, GroupStage& group, const MemberPlan& plan) {
  while (!group.stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(group.stage, fmt::format("worker-{}", plan.id))};
    Member member{group, plan, cluster};
    member.work(f);
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
