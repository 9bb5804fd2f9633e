// Incremental fetch sessions (KIP-227): what a consumer wants, remembered, so that its requests name only changes and
// its answers only what is new.
//
//   auto session = cache.resolve(id, epoch);      // FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH
//   session->update(wanted, forgotten);
//   for (Wanted& w : session->wanted) ...
//
// Sessions live on the shard of the connection that made them; ids are apart between shards.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "kernel/random.h"
#include "kernel/result.h"
#include "kernel/time.h"
#include "net/types.h"

namespace broker::fetch {

/// One partition of a fetch. By id (version 13 and later) or by name.
struct Wanted {
  net::TopicId topic_id{};
  std::string topic;
  net::PartitionId partition{0};
  net::Offset offset{0};
  net::LeaderEpoch current_leader_epoch{-1};
  net::LeaderEpoch last_fetched_epoch{-1};
  std::int32_t bytes_max = 0;

  // What this session was told last; -1 nothing yet.
  net::Offset told_high_watermark{-1};
  net::Offset told_log_start{-1};
  bool told_error = false;
};

struct Session {
  std::int32_t id = 0;
  std::int32_t epoch = 0;  ///< the next request's
  bool by_id = false;
  kernel::Mono last_used{};
  kernel::Mono created{};
  std::list<Wanted> wanted;  ///< in order of service
  using Key = std::pair<std::pair<net::TopicId, std::string>, net::PartitionId>;
  std::map<Key, std::list<Wanted>::iterator> index;
  bool busy = false;  ///< a request of it is being answered

  void put(const Wanted& wanted);
  void forget(net::TopicId id, std::string_view topic, net::PartitionId partition);
  /// Moves to the end of the order, so that nobody starves (as Kafka does for partitions with data).
  void rotate(std::list<Wanted>::iterator at) { wanted.splice(wanted.end(), wanted, at); }
};

/// The epoch after `epoch`: 2^31-1 is followed by 1.
[[nodiscard]] constexpr std::int32_t next_epoch(std::int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

class SessionCache {
 public:
  SessionCache(std::size_t slots_max, std::uint32_t shard, std::uint32_t shards, kernel::Random random)
      : slots_max_{slots_max}, shard_{shard}, shards_{shards}, random_{random} {}

  /// A new session, or null when the cache is full of sessions in use: the client then goes without.
  [[nodiscard]] std::shared_ptr<Session> create(kernel::Mono now, std::size_t partitions);
  [[nodiscard]] std::shared_ptr<Session> find(std::int32_t id);
  void remove(std::int32_t id) { sessions_.erase(id); }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  bool make_room(kernel::Mono now, std::size_t partitions);
  std::size_t slots_max_;
  std::uint32_t shard_;
  std::uint32_t shards_;
  kernel::Random random_;
  std::map<std::int32_t, std::shared_ptr<Session>> sessions_;
};

}  // namespace broker::fetch
