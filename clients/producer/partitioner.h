// Chooses partitions as Kafka's clients do: by murmur2 of the key; without a key, one partition at random gets a
// batch's worth of bytes and then another is drawn (uniform sticky, KIP-794), so that batches fill.
#pragma once

#include <map>
#include <string>

#include "clients/core/metadata.h"
#include "kernel/random.h"
#include "net/record/record_iterator.h"

namespace clients::producer {

class Partitioner {
 public:
  Partitioner(kernel::Random random, std::size_t sticky_bytes) : random_{random}, sticky_bytes_{sticky_bytes} {}

  /// A partition for a record of about `bytes`. `topic` has at least one.
  net::PartitionId choose(std::string_view name, const core::TopicInfo& topic, const net::record::NullableBytes& key,
                          std::size_t bytes);

 private:
  struct Sticky {
    net::PartitionId partition{-1};
    std::size_t bytes = 0;
  };
  net::PartitionId draw(const core::TopicInfo& topic);
  kernel::Random random_;
  std::size_t sticky_bytes_;
  std::map<std::string, Sticky, std::less<>> sticky_;
};

}  // namespace clients::producer
