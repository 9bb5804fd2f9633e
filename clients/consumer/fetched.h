// What a fetched run of bytes holds for a reader: whole, undamaged batches that are his to see. Pure.
//
// A fetch answers whole batches from the one that contains the offset asked for, and may end in a part of one, which
// is dropped. Control batches are never shown. With read_committed, neither are the records of aborted transactions:
// the answer lists (producer, first offset) of those in its range, and a producer's abort marker ends its entry.
#pragma once

#include <optional>
#include <vector>

#include "clients/consumer/config.h"
#include "clients/core/reason.h"
#include "kernel/buffer.h"
#include "net/messages/fetch.h"
#include "net/record/batch_header.h"

namespace clients::consumer {

struct FetchedBatch {
  net::record::BatchHeader header;
  kernel::Buffer bytes;        ///< the whole batch
  net::Offset next_offset{0};  ///< the position after it and after what is hidden behind it
};

struct FetchedRun {
  std::vector<FetchedBatch> batches;
  net::Offset next_offset{0};  ///< where to fetch next
  std::size_t bytes = 0;       ///< of the batches
  /// What stopped the reading, behind `batches`: corrupt_batch.
  std::optional<kernel::Error> error;
  /// There were bytes, but not one whole batch: ask for more.
  bool cut_short = false;
};

using AbortedList = std::optional<net::List<net::FetchResponse::AbortedTransaction>>;

/// `records` lies in `frame`. Records below `from` are the caller's to drop.
[[nodiscard]] FetchedRun read_fetched(const kernel::Buffer& frame, kernel::ByteView records, net::Offset from,
                                      const AbortedList& aborted, const ConsumerConfig& config);

}  // namespace clients::consumer
