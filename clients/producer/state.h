// What the fibers of a producer share. See producer.cc for the caller's side, sender.cc for the network's side.
#pragma once

#include <map>
#include <set>

#include "clients/core/crew.h"
#include "clients/producer/partition_queue.h"
#include "clients/producer/partitioner.h"
#include "clients/producer/producer.h"
#include "kernel/channel.h"
#include "net/messages/produce.h"

namespace clients::producer {

struct Producer::State : std::enable_shared_from_this<Producer::State> {
  State(kernel::Scope& scope, ClusterRef c, ProducerConfig p)
      : cluster{std::move(c)},
        config{p},
        crew{scope},
        lane{cluster->new_lane()},
        random{cluster->random("producer")},
        partitioner{cluster->random("partitioner"), config.batch_bytes},
        memory{config.buffer_bytes} {}

  using Key = core::TopicPartition;
  /// A request on its way to one broker.
  struct Flight {
    std::optional<core::Exchange> exchange;  ///< none when acks=0
    std::vector<std::pair<Key, BatchRef>> batches;
    std::vector<Attempt> attempts;
    net::BrokerId broker = net::kBrokerIdNone;
  };
  struct Sender {
    explicit Sender(int in_flight_max) : slots{in_flight_max}, flights{static_cast<std::size_t>(in_flight_max)} {}
    kernel::Semaphore slots;
    kernel::Channel<std::pair<Flight, kernel::Semaphore::Units>> flights;  // those that stay give their slots back
    kernel::Mono muted_until{};  ///< throttled by the broker
    Key served_last;
  };

  ClusterRef cluster;
  ProducerConfig config;
  core::Crew crew;
  core::Lane lane;
  kernel::Random random;
  Partitioner partitioner;
  kernel::Semaphore memory;
  std::map<Key, PartitionQueue> queues;
  std::map<net::BrokerId, std::unique_ptr<Sender>> senders;
  std::set<std::uint64_t> undecided;  // ids of batches
  kernel::Notify work;                // something may be sendable, or the housekeeper has to look
  kernel::Notify decided_some;
  std::uint64_t next_batch_id = 1;
  std::uint64_t next_attempt_id = 1;
  std::uint64_t flush_below = 0;
  int waiting_for_memory = 0;
  bool closing = false;
  Identity identity;                       // of new partitions
  std::optional<kernel::Error> refused;    // the broker gives us no identity
  Stats stats;
  std::uint64_t pending = 0;

  [[nodiscard]] QueueRules rules() const { return {config.idempotence, config.in_flight_max, config.linger}; }
  [[nodiscard]] Urgency urgency(kernel::Mono now) const { return {now, flush_below, waiting_for_memory > 0}; }
  PartitionQueue& queue(const Key& key) { return queues.try_emplace(key, rules()).first->second; }

  void start();
  /// Tells the callers, and gives memory back.
  void publish(std::vector<Decided>& decided);
  void give_up_all(const kernel::Error& why);

  // sender.cc
  void keep_house(kernel::Fiber& f);
  kernel::Result<> get_identity(kernel::Fiber& f);
  void send_to(kernel::Fiber& f, net::BrokerId broker, Sender& sender);
  void await_answers(kernel::Fiber& f, Sender& sender);
  std::vector<std::pair<Key, BatchRef>> collect(net::BrokerId broker, Sender& sender, kernel::Mono now);
  [[nodiscard]] kernel::Mono next_time(net::BrokerId broker, kernel::Mono now);
  kernel::Result<> dispatch(kernel::Fiber& f, Sender& sender, Flight flight, kernel::Semaphore::Units slot);
  void take_answer(kernel::Fiber& f, Sender& sender, const Flight& flight,
                   const core::Answer<net::ProduceResponse>& answer);
  /// One batch of a flight was answered or will not be.
  void end_attempt(const Flight& flight, std::size_t index, const PartitionQueue::AttemptEnd& end, kernel::Mono now);
  void end_all(const Flight& flight, const PartitionQueue::AttemptEnd& end, kernel::Mono now);
};

}  // namespace clients::producer
