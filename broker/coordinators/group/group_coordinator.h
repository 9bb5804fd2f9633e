// The coordinator of the groups whose names fall on one partition of __consumer_offsets: classic groups and their
// offsets. Lives on that partition's shard; handlers come by call_on().
//
//   const auto groups = shard.coordinators.groups(partition);          // null: not coordinated here
//   const JoinReply reply = groups->join(f, request);                  // suspends until the group is complete
//
// What is asked is decided by Group (members) and by pure functions on State (offsets); this class gives them time,
// writes their records (see Coordinator) and wakes who waits. Every call answers COORDINATOR_LOAD_IN_PROGRESS while
// the log is replayed, and NOT_COORDINATOR when the partition has gone elsewhere.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "broker/coordinators/coordinator.h"
#include "broker/coordinators/group/group.h"
#include "broker/coordinators/group/group_metrics.h"
#include "broker/coordinators/group/offsets.h"
#include "broker/coordinators/group/stored.h"
#include "kernel/future.h"
#include "kernel/random.h"

namespace broker::coordinators::group {

/// The settings of the like names (broker/config/broker_config.h).
struct GroupSettings {
  GroupRules rules;
  std::chrono::milliseconds session_timeout_min{6000};
  std::chrono::milliseconds session_timeout_max{1'800'000};
  std::size_t offset_metadata_bytes_max = 4096;
  std::chrono::milliseconds offsets_retention{std::chrono::minutes{10080}};
  std::chrono::milliseconds offsets_retention_check{600'000};
  /// Of GroupMemory::used: no more members come in beyond it.
  std::uint64_t member_bytes_max = UINT64_MAX;
  /// How long a request waits for what it wrote; the outcome is unknown after it.
  std::chrono::milliseconds commit_timeout{5000};
};

/// What the groups of one shard keep of their members, in bytes (Group::bytes); shared by its coordinators.
struct GroupMemory {
  std::uint64_t used = 0;
};

/// A topic that was deleted: its offsets are to go.
struct DeletedTopic {
  std::string name;
  net::TopicId id{};
};

class GroupCoordinator final : public Coordinator {
 public:
  GroupCoordinator(std::shared_ptr<replication::Partition> partition, kernel::Scope& scope, CoordinatorOptions options,
                   const GroupSettings& settings, GroupMemory& memory, GroupMetrics& metrics, kernel::Random random)
      : Coordinator{std::move(partition), scope, options},
        settings_{settings},
        rules_{settings.rules},
        memory_{memory},
        metrics_{metrics},
        random_{random} {
    rules_.record_bytes_max = options.batch_bytes_max;
  }

  // Each holds its answer until what it wrote is committed.

  /// Suspends until the group is complete, or the member has to come again. COORDINATOR_NOT_AVAILABLE, on which
  /// clients wait and try again, when the memory for members is used up.
  JoinReply join(kernel::Fiber& f, JoinRequest request);
  SyncReply sync(kernel::Fiber& f, SyncRequest request);
  [[nodiscard]] ErrorCode heartbeat(kernel::Fiber& f, const HeartbeatRequest& request);
  struct LeaveReply {
    ErrorCode error{};
    std::vector<ErrorCode> members;
  };
  LeaveReply leave(kernel::Fiber& f, std::string_view group_id, const std::vector<Leaving>& leaving);

  /// Fills in the errors of `request`.
  void commit(kernel::Fiber& f, CommitRequest& request);
  [[nodiscard]] FetchReply fetch(const FetchRequest& request) const;
  /// A code for each partition; the group's own comes first.
  struct DeleteOffsetsReply {
    ErrorCode error{};
    std::vector<ErrorCode> partitions;
  };
  DeleteOffsetsReply delete_offsets(kernel::Fiber& f, std::string_view group_id,
                                    const std::vector<TopicPartition>& partitions);

  [[nodiscard]] DescribedGroup describe(std::string_view group_id) const;
  struct ListReply {
    ErrorCode error{};
    std::vector<ListedGroup> groups;
  };
  [[nodiscard]] ListReply list() const;
  [[nodiscard]] ErrorCode delete_group(kernel::Fiber& f, std::string_view group_id);
  /// Does not wait.
  void forget_topics(const Moment& at, std::vector<DeletedTopic> topics);

  /// The fold of the log up to the high watermark.
  [[nodiscard]] const State& state() const { return state_; }

 private:
  struct Live {
    Group group;
    std::uint64_t counted = 0;  ///< of it in memory_
    kernel::Mono scheduled = kernel::kNever;
  };
  using Outcome = kernel::Future<ErrorCode>;

  kernel::Result<> apply(const LoggedRecord& record) override { return state_.apply(record); }
  void apply_marker(net::ProducerId producer, bool committed) override { state_.end_transaction(producer, committed); }
  void loaded(const Moment& at, kernel::Duration taken) override;
  void closed(const Moment& at) override;
  [[nodiscard]] kernel::Mono next_due() const override;
  void on_time(const Moment& at) override;

  /// Brings memory_ up to what the group keeps now.
  void count(Live& live, std::uint64_t bytes);
  /// Whether there is memory for the member. Who is in and asks for no more always has it.
  [[nodiscard]] bool has_memory_for(const JoinRequest& request) const;
  /// none when requests are answered.
  [[nodiscard]] ErrorCode readiness() const;
  [[nodiscard]] Group* find(std::string_view group_id);
  [[nodiscard]] const Group* find(std::string_view group_id) const;
  Live& find_or_add(std::string_view group_id);
  /// Does what a group's decision asks for. Answers where the outcome of its last write will be; null without one.
  std::shared_ptr<Outcome> carry_out(const std::string& group_id, Effects out, const Moment& at);
  void reschedule(const std::string& group_id);
  void forget(const std::string& group_id);
  /// Waits for a write, at most settings_.commit_timeout.
  [[nodiscard]] ErrorCode wait_for(kernel::Fiber& f, const std::shared_ptr<Outcome>& outcome) const;
  [[nodiscard]] std::string fresh_id();
  void expire(const Moment& at);
  /// Removes everything that is stored of a group; appends to `out`.
  void entomb(std::string_view group_id, const Moment& at, std::vector<NewRecord>& out) const;
  /// Whether it may be deleted.
  [[nodiscard]] ErrorCode check_deletion(std::string_view group_id) const;

  const GroupSettings& settings_;
  GroupRules rules_;
  GroupMemory& memory_;
  GroupMetrics& metrics_;
  kernel::Random random_;
  State state_;
  std::map<std::string, Live, std::less<>> groups_;
  std::set<std::pair<kernel::Mono, std::string>> schedule_;  ///< when a group is to be looked at
  kernel::Mono check_due_ = kernel::kNever;
  Ticket last_ticket_ = 0;
  std::map<Ticket, kernel::Future<JoinReply>*> joins_;
  std::map<Ticket, kernel::Future<SyncReply>*> syncs_;
};

/// What a member is told when a write of its group failed.
[[nodiscard]] ErrorCode code_of_write(const kernel::Result<>& outcome);

}  // namespace broker::coordinators::group
