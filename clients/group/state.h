// What the fibers of a group consumer share. Two of them keep it in the group:
//
//   the member fiber (membership.cc) talks to the coordinator: joins, syncs, sends heartbeats, notices when it must
//   join again; the fiber that polls (rebalance.cc) gives up partitions and takes them, so that listeners are called
//   there. They hand the work to each other by `stage`:
//
//   idle        -member->   to_prepare    a rebalance is wanted
//   to_prepare  -poller->   joining       partitions that must go were given up
//   joining     -member->   to_complete   the assignment is there
//   to_complete -poller->   stable        and taken
//   any         -member->   idle          we are no member any more, or must join again
//
// Two more look up where to begin (starts.cc) and write commits in their order (commits.cc); topics.cc keeps the
// subscription.
#pragma once

#include <deque>
#include <set>

#include "clients/core/coordinator.h"
#include "clients/core/crew.h"
#include "clients/group/group_consumer.h"
#include "net/messages/join_group.h"

namespace clients::group {

enum class Stage : std::uint8_t { idle, to_prepare, joining, to_complete, stable };
enum class Mode : std::uint8_t { none, by_hand, topics, pattern };

struct Commit {
  MemberIdentity as;
  Offsets offsets;
  std::shared_ptr<kernel::Future<kernel::Result<>>> outcome;
};

struct GroupConsumer::State : std::enable_shared_from_this<GroupConsumer::State> {
  State(kernel::Scope& scope, ClusterRef c, GroupConfig p, std::unique_ptr<consumer::Consumer> r);

  ClusterRef cluster;
  GroupConfig config;
  core::Crew crew;
  std::unique_ptr<consumer::Consumer> reader;
  core::Coordinator coordinator;
  core::Lane join_lane;  // joins wait for others: nothing else may wait behind them
  core::Lane lane;
  kernel::Random random;
  bool cooperative;
  Stats stats;

  // The subscription.
  Mode mode = Mode::none;
  std::uint64_t subscription_number = 0;  ///< of subscribe() and unsubscribe(): what began before is void
  std::set<std::string> topics;
  bool topics_known = false;  ///< false until a pattern was looked up
  std::optional<TopicPattern> pattern;
  RebalanceListener listener;
  kernel::Notify pattern_changed;

  // Membership.
  Stage stage = Stage::idle;
  MemberIdentity self;
  bool must_rejoin = false;
  bool lost = false;  ///< what is owned was lost with the membership
  std::set<std::string> joined_topics;
  bool leads = false;
  std::set<std::string> group_topics;  ///< of all members, watched while we lead
  PartitionCounts led_counts;          ///< what the last division was made by
  Partitions offered;                  ///< the assignment that the poller has to take
  Remembered remembered;               ///< what the sticky assignors know of us
  std::set<TopicPartition> owned;
  kernel::Mono heartbeat_due{};
  bool polling = false;
  kernel::Mono polled_at{};
  std::optional<kernel::Error> fatal;
  std::optional<kernel::Error> trouble;  ///< told by the next poll, once
  kernel::Notify attention;              ///< the poller has something to do
  kernel::Notify member_wake;            ///< the member fiber has

  // Where to begin.
  std::map<TopicPartition, std::uint64_t> awaiting;  ///< a committed offset; the number tells askings apart
  std::uint64_t next_awaiting = 1;
  std::set<TopicPartition> paused;
  std::deque<TopicPartition> unplaced;  ///< no committed offset and no policy: to be told by poll()
  kernel::Notify starts_wanted;

  // Commits.
  std::deque<Commit> commits;
  kernel::Notify commits_wanted;
  kernel::Mono auto_commit_due = kernel::kNever;

  [[nodiscard]] bool subscribed() const { return mode == Mode::topics || mode == Mode::pattern; }
  [[nodiscard]] bool is_member() const { return self.generation != kGenerationNone; }

  // membership.cc
  void take_part(kernel::Fiber& f);
  void keep_alive(kernel::Fiber& f);
  void heartbeat(kernel::Fiber& f);
  [[nodiscard]] bool poll_overdue(kernel::Mono now) const;
  [[nodiscard]] bool wants_rejoin() const;
  /// We are no member of that generation any more.
  void lose_generation(bool member_id_too);
  /// What an error says of our membership as `as`. True when it says something.
  bool judge_membership(net::ErrorCode code, const MemberIdentity& as);
  void end_for_good(const kernel::Error& why);
  kernel::Result<> leave(kernel::Fiber& f, std::string_view reason);

  // join.cc
  kernel::Result<> join_and_sync(kernel::Fiber& f);
  kernel::Result<> join_again_with(net::ErrorCode code);
  [[nodiscard]] Bytes subscription_for(AssignorKind kind) const;
  kernel::Result<std::map<std::string, Bytes>> divide(kernel::Fiber& f, const net::JoinGroupResponse& joined);
  kernel::Result<Bytes> sync(kernel::Fiber& f, const std::string& protocol, const std::map<std::string, Bytes>& all);
  kernel::Result<Partitions> judge_assignment(const Bytes& bytes) const;

  // rebalance.cc: on the fiber that polls
  [[nodiscard]] bool needs_attention() const;
  kernel::Result<> attend(kernel::Fiber& f);
  void prepare(kernel::Fiber& f);
  void complete(kernel::Fiber& f);
  void give_up(kernel::Fiber& f, const Partitions& going, bool were_lost);
  void forget(const Partitions& going);
  void let_go(kernel::Fiber& f);
  void commit_before_going(kernel::Fiber& f);

  // starts.cc
  void await_start(const TopicPartition& at);
  void find_starts(kernel::Fiber& f);
  void begin_at(const TopicPartition& at, const OffsetAndMetadata* committed);
  void read_from(const TopicPartition& at, Start start, net::LeaderEpoch epoch);

  // commits.cc
  [[nodiscard]] Offsets positions() const;
  std::shared_ptr<kernel::Future<kernel::Result<>>> enqueue(Offsets offsets);
  void write_commits(kernel::Fiber& f);
  void auto_commit(kernel::Mono now);
  void refuse_commits();

  // topics.cc
  void set_topics(std::set<std::string> wanted);
  void lead_topics(std::set<std::string> wanted);
  [[nodiscard]] PartitionCounts counts_of(const std::set<std::string>& wanted) const;
  void follow_pattern(kernel::Fiber& f);
};

}  // namespace clients::group
