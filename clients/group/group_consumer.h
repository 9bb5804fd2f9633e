// A consumer that shares the partitions of topics with the other members of its group (the classic protocol), and whose
// progress is kept by the group's coordinator.
//
//   auto consumer = TRY(GroupConsumer::open(scope, cluster, {.group_id = "billing"}));
//   consumer->subscribe({"orders"}, {.revoked = [&](Fiber& f, const Partitions& going) { finish(f, going); }});
//   while (auto polled = TRY(consumer->poll(f, 1s))) {
//     if (polled->error) ...                                  // of this partition; halted until seek()
//     for (const auto& record : polled->records) use(record);
//   }                                                         // what was polled before is committed by and by
//   TRY(consumer->close(f));                                  // commits, and leaves the group
//
// Lives on one shard. All that may change the assignment happens inside poll(), unsubscribe() and close(): the listener
// is called there, on the fiber that polls, and no record of a partition is handed out before `assigned` or after
// `revoked` or `lost`. A poll counts as the end of the work on what the polls before handed out: that is what is
// committed automatically and before partitions go. So each record is handed out at least once; again after a crash,
// or when a member was thrown out before it committed.
//
// To stop waiting, cancel the fiber that polls; close() needs one that is not cancelled. A group consumer that is
// destroyed without close() leaves by its session timeout.
#pragma once

#include <functional>
#include <memory>

#include "clients/consumer/consumer.h"
#include "clients/group/config.h"
#include "clients/group/offsets.h"
#include "clients/group/pattern.h"
#include "kernel/future.h"

namespace clients::group {

using consumer::ClusterRef;
using consumer::Polled;
using consumer::Start;

/// Called on the fiber that polls; each may suspend, commit and seek. Any may be left out.
struct RebalanceListener {
  using Hook = std::function<void(kernel::Fiber&, const Partitions&)>;
  Hook revoked{};   ///< these go to others now; positions can still be committed
  Hook assigned{};  ///< these are ours too from now on; may be none
  Hook lost{};      ///< these may be others' already: nothing can be committed. Without it, `revoked` is called
};

/// The outcome of a commit. Copies share it.
class CommitFuture {
 public:
  /// Suspends until it is known. Errors: broker_error (ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID: the partitions went to
  /// others; REBALANCE_IN_PROGRESS: poll and try again; …), closed, deadline and cancelled (it may happen still),
  /// those of Coordinator::ask.
  kernel::Result<> get(kernel::Fiber& f) const;
  [[nodiscard]] bool is_done() const { return state_->is_set(); }

 private:
  friend class GroupConsumer;
  using Outcome = kernel::Future<kernel::Result<>>;
  explicit CommitFuture(std::shared_ptr<Outcome> state) : state_{std::move(state)} {}
  std::shared_ptr<Outcome> state_;
};

class GroupConsumer {
 public:
  /// Nothing is contacted yet. `scope` is joined after the consumer is gone. Errors: invalid_config.
  static kernel::Result<std::unique_ptr<GroupConsumer>> open(kernel::Scope& scope, ClusterRef cluster,
                                                             GroupConfig config);
  GroupConsumer(const GroupConsumer&) = delete;
  GroupConsumer& operator=(const GroupConsumer&) = delete;
  ~GroupConsumer();

  /// Reads these topics together with the group, instead of what was subscribed to before. Topics that do not exist
  /// are waited for. Takes effect with the next polls. Not after assign().
  void subscribe(std::vector<std::string> topics, RebalanceListener listener = {});
  /// The same for all topics that match, now and later (looked for every metadata.max.age.ms); internal ones do not.
  void subscribe(TopicPattern pattern, RebalanceListener listener = {});
  /// Reads exactly these partitions, outside of the group's division of work; offsets are still the group's. Replaces
  /// a former assign(). Not while subscribed.
  void assign(const Partitions& partitions);
  /// Gives everything back and leaves the group. Errors: deadline, cancelled.
  kernel::Result<> unsubscribe(kernel::Fiber& f);
  [[nodiscard]] Partitions assignment() const;

  /// The next batch of some partition, in turn; nothing after `wait_max`.
  /// Errors: closed, deadline, cancelled; malformed_assignment (once; the next polls join again); broker_error for
  /// good, at every poll: FENCED_INSTANCE_ID (another member has our instance id), INCONSISTENT_GROUP_PROTOCOL,
  /// GROUP_AUTHORIZATION_FAILED, INVALID_SESSION_TIMEOUT, GROUP_MAX_SIZE_REACHED, INVALID_GROUP_ID.
  kernel::Result<std::optional<Polled>> poll(kernel::Fiber& f, kernel::Duration wait_max);

  /// Commits the positions, or `offsets`, in the order of these calls. Errors: those of CommitFuture::get.
  kernel::Result<> commit(kernel::Fiber& f);
  kernel::Result<> commit(kernel::Fiber& f, Offsets offsets);
  CommitFuture commit_async();
  CommitFuture commit_async(Offsets offsets);
  /// What the group has committed of these; those without a commit are left out. Errors: those of fetch_offsets.
  kernel::Result<Offsets> committed(kernel::Fiber& f, const Partitions& partitions);

  /// Assigned partitions only. A seek before the committed offset was looked up replaces it.
  void seek(const TopicPartition& at, Start start);
  void pause(const TopicPartition& at);
  void resume(const TopicPartition& at);
  /// The next record that poll() may hand out; nothing while that is being looked up.
  [[nodiscard]] std::optional<net::Offset> position(const TopicPartition& at) const;
  /// Errors of these three: those of consumer::list_offsets.
  kernel::Result<std::map<TopicPartition, net::Offset>> end_offsets(kernel::Fiber& f, const Partitions& partitions);
  kernel::Result<std::map<TopicPartition, net::Offset>> beginning_offsets(kernel::Fiber& f, const Partitions& partitions);
  /// The first records that are not older; -1 where there is none.
  kernel::Result<std::map<TopicPartition, consumer::FoundOffset>> offsets_for_times(
      kernel::Fiber& f, const std::map<TopicPartition, std::int64_t>& timestamps_ms);

  /// Who we are in the group; no member id and kGenerationNone while we are not in it.
  [[nodiscard]] MemberIdentity identity() const;
  struct Stats {
    std::uint64_t rebalances = 0;          ///< generations joined
    std::uint64_t commits = 0;             ///< acknowledged
    std::uint64_t members_unreadable = 0;  ///< as leader: members whose subscription could not be read
  };
  [[nodiscard]] const Stats& stats() const;

  /// Commits if auto_commit is on, tells the listener, leaves the group (a static member stays in it) and ends all
  /// fibers; at most `wait_max` for what needs the coordinator. Errors: deadline, cancelled; the end is the same.
  kernel::Result<> close(kernel::Fiber& f, kernel::Duration wait_max = std::chrono::seconds{30});

 private:
  struct State;
  explicit GroupConsumer(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

}  // namespace clients::group
