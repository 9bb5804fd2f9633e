// What goes into a producer and what comes out.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clients/core/reason.h"
#include "kernel/notify.h"
#include "net/record/record_iterator.h"
#include "net/types.h"

namespace clients::producer {

/// A record to send. Views need to live only as long as the call of send().
struct Record {
  std::string_view topic;
  std::optional<net::PartitionId> partition{};  ///< chosen by key, or sticky at random, when not given
  net::record::NullableBytes key{};
  net::record::NullableBytes value{};
  std::span<const net::record::RecordHeader> headers{};
  std::optional<std::int64_t> timestamp_ms{};  ///< now when not given
};

/// What became of a record.
struct Delivery {
  enum class Outcome : std::uint8_t {
    ok,       ///< acknowledged as asked (with acks=0: handed to the network)
    failed,   ///< it is not on the log and will not be: every attempt was refused, or none was made
    unknown,  ///< it may be on the log
  };
  Outcome outcome = Outcome::ok;
  net::PartitionId partition{0};
  /// -1 with acks=0, and where the broker only remembers that it has the record.
  net::Offset offset{-1};
  /// The append time where the topic has one, else the record's own.
  std::int64_t timestamp_ms = -1;
  /// Why not, unless ok.
  kernel::Error error{};
};

/// What a broker says of a batch that it does not take.
struct Blame {
  std::int32_t index = 0;  ///< of the record, in its batch; what the broker says, which may be anything
  std::string message;     ///< empty when it had no words
};
struct Refusal {
  std::string message;         ///< about the batch; empty when it had no words
  std::vector<Blame> records;  ///< those it blames; none: it names no one
};

/// What became of a batch; shared by the futures of its records.
struct Fate {
  std::uint64_t batch_id = 0;
  net::PartitionId partition{0};
  std::optional<Delivery> delivery;  ///< of the batch's first record
  Refusal refusal;                   ///< of the last answer; empty when that was no error, or none came
  kernel::Notify decided;
};

/// The delivery of one record, to come.
class DeliveryFuture {
 public:
  DeliveryFuture() = default;
  DeliveryFuture(std::shared_ptr<Fate> fate, std::int32_t index, std::int64_t timestamp_ms)
      : fate_{std::move(fate)}, timestamp_ms_{timestamp_ms}, index_{index} {}

  [[nodiscard]] bool is_done() const { return fate_->delivery.has_value(); }
  /// Of a delivery that is done.
  [[nodiscard]] Delivery delivery() const;
  /// Suspends until it is done, which delivery.timeout.ms bounds. Errors (the delivery goes on): deadline, cancelled.
  kernel::Result<Delivery> get(kernel::Fiber& f) const;
  /// Which batch the record travels in, and where in it: the key to what an AttemptObserver saw.
  [[nodiscard]] std::uint64_t batch_id() const { return fate_->batch_id; }
  [[nodiscard]] std::int32_t index() const { return index_; }
  [[nodiscard]] net::PartitionId partition() const { return fate_->partition; }
  /// What the broker said, of a delivery that is done and not ok.
  [[nodiscard]] const Refusal& refusal() const { return fate_->refusal; }

 private:
  std::shared_ptr<Fate> fate_;
  std::int64_t timestamp_ms_ = -1;
  std::int32_t index_ = 0;
};

}  // namespace clients::producer
