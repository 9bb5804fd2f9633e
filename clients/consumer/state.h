// What the fibers of a consumer share. consumer.cc is the caller's side, fetcher.cc the network's.
#pragma once

#include <deque>

#include "clients/consumer/consumer.h"
#include "clients/consumer/fetched.h"
#include "clients/consumer/session.h"
#include "clients/core/crew.h"

namespace clients::consumer {

struct Partition {
  Start start = Beginning{};
  std::optional<net::Offset> position;  ///< the next offset to hand out; none while `start` is looked up
  net::Offset fetch_next{0};            ///< the next offset to fetch: behind what is buffered
  std::uint64_t generation = 0;         ///< of seeks: an answer to an older one is void
  bool paused = false;
  std::optional<kernel::Error> halted;  ///< no fetching until seek()
  bool halt_reported = false;
  std::deque<FetchedBatch> buffered;
  std::size_t buffered_bytes = 0;
  std::int32_t fetch_bytes = 0;
  net::Offset high_watermark{-1};
  net::LeaderEpoch read_epoch = net::kLeaderEpochNone;    ///< of the last batch fetched
  net::LeaderEpoch position_epoch = net::kLeaderEpochNone;  ///< of the last batch handed out
  net::LeaderEpoch agreed_epoch = net::kLeaderEpochNone;  ///< the leader's, when the position was last known good
  kernel::Mono not_before{};
  int failures = 0;
};

struct Consumer::State : std::enable_shared_from_this<Consumer::State> {
  State(kernel::Scope& scope, ClusterRef c, ConsumerConfig p)
      : cluster{std::move(c)}, config{p}, crew{scope}, lane{cluster->new_lane()}, random{cluster->random("consumer")} {}

  ClusterRef cluster;
  ConsumerConfig config;
  core::Crew crew;
  core::Lane lane;
  kernel::Random random;
  std::map<TopicPartition, Partition> partitions;
  std::map<net::BrokerId, std::unique_ptr<FetchSession>> sessions;
  kernel::Notify work;     // something may be fetchable
  kernel::Notify arrived;  // something can be polled
  TopicPartition polled_last;
  std::uint64_t next_generation = 1;
  Stats stats;

  void place(const TopicPartition& at, Partition& partition, Start start);
  void drop_buffered(Partition& partition);
  kernel::Result<Polled> hand_out(kernel::Fiber& f, const TopicPartition& at, Partition& partition);
  [[nodiscard]] std::map<TopicPartition, Partition>::iterator next_pollable();

  // fetcher.cc
  void keep_house(kernel::Fiber& f);
  /// Looks up starts and checks positions after a change of leader. True if something was tried.
  bool settle_positions(kernel::Fiber& f);
  void look_up(kernel::Fiber& f, net::BrokerId leader, const OffsetQuery& query);
  void check_epochs(kernel::Fiber& f, net::BrokerId leader, const std::vector<TopicPartition>& keys);
  void fetch_from(kernel::Fiber& f, net::BrokerId broker, FetchSession& session);
  WantedMap wanted_of(net::BrokerId broker, kernel::Mono now, kernel::Mono& next);
  kernel::Result<> fetch_once(kernel::Fiber& f, net::BrokerId broker, FetchSession& session, const WantedMap& wanted);
  void take_partition(const core::Answer<net::FetchResponse>& answer, const TopicPartition& key,
                      const net::FetchResponse::PartitionData& data, const WantedMap& wanted, std::uint64_t asked_at,
                      kernel::Mono now);
  void take_error(const TopicPartition& key, Partition& partition, net::ErrorCode code, kernel::Mono now);
  void retry_later(Partition& partition, kernel::Mono now);
  void halt(Partition& partition, const kernel::Error& why);
  [[nodiscard]] bool must_check_epoch(const TopicPartition& key, const Partition& partition) const;
};

}  // namespace clients::consumer
