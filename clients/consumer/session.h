// Incremental fetch sessions (KIP-227): the broker remembers which partitions a fetcher wants and from where, so that
// a request only names what changed. Pure.
//
//   session.fill(request, arena, wanted);           // what is new or moved, and what is not wanted any more
//   if (!session.answered(answer.message)) ...      // the broker forgot: the next request names everything again
#pragma once

#include <map>

#include "clients/core/metadata.h"
#include "net/codec/arena.h"
#include "net/messages/fetch.h"

namespace clients::consumer {

/// What to fetch of a partition.
struct Wanted {
  net::TopicId topic_id{};
  net::Offset offset{0};
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;
  std::int32_t bytes_max = 0;
  friend bool operator==(const Wanted&, const Wanted&) = default;
};
using WantedMap = std::map<core::TopicPartition, Wanted>;

class FetchSession {
 public:
  /// Writes session and partitions into `request`. `wanted` must live until the request is encoded.
  void fill(net::FetchRequest& request, net::Arena& arena, const WantedMap& wanted);
  /// Takes in the answer's session. False when the session is void.
  bool answered(const net::FetchResponse& answer);
  /// The answer never came: what the broker remembers is not known.
  void broken() { epoch_ = 0; }
  [[nodiscard]] std::int32_t id() const { return id_; }
  [[nodiscard]] std::int32_t epoch() const { return epoch_; }
  /// All that the broker fetches for the latest request, by what its answer calls it.
  [[nodiscard]] const WantedMap& sent() const { return sent_; }

 private:
  void forget(net::FetchRequest& request, net::Arena& arena, const WantedMap& wanted) const;
  std::int32_t id_ = 0;
  std::int32_t epoch_ = 0;
  WantedMap sent_;
};

}  // namespace clients::consumer
