// The batches of the metadata log and of its snapshots: made and read back. Pure.
//
//   log.submit(Buffer::copy_of(data_batch(values, {.epoch = epoch, .timestamp_ms = now})), ...);
//   Replay replay{*image};
//   while (const auto batch = TRY(reader.next())) TRY(replay.apply(*batch));
//
// Every batch: magic 2, no codec, no producer, leader epoch = raft epoch. Data records have a null key and a framed
// value; what the quorum says of itself stands in control batches.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "broker/controller/quorum.h"
#include "broker/metadata/image_builder.h"
#include "broker/metadata/to_records.h"
#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"

namespace broker::controller {

using Batch = std::vector<std::byte>;

struct BatchPlace {
  net::LeaderEpoch epoch{0};
  std::int64_t timestamp_ms = 0;
  net::Offset base{0};
};

/// `values` is not empty.
[[nodiscard]] Batch data_batch(std::span<const metadata::FramedValue> values, const BatchPlace& place);

/// What the quorum knows of itself; the log says it with control records.
struct QuorumView {
  std::int16_t kraft_version = 0;
  std::vector<Voter> voters;
  friend bool operator==(const QuorumView&, const QuorumView&) = default;
};
/// The first batch of an epoch; with `view` when the log does not say it yet.
[[nodiscard]] Batch leader_change_batch(net::BrokerId leader, std::span<const Voter> voters, const QuorumView* view,
                                        const BatchPlace& place);

/// Applies batches one after the other.
class Replay {
 public:
  Replay(const metadata::Image& from, QuorumView view)
      : builder_{from}, view_{std::move(view)}, timestamp_ms_{from.timestamp_ms} {}
  /// Checks the batch's checksum. Errors: corrupt (detail: the base offset), those of ImageBuilder::apply().
  kernel::Result<> apply(const net::record::BatchView& batch);

  [[nodiscard]] const metadata::ImageBuilder& builder() const { return builder_; }
  [[nodiscard]] const QuorumView& view() const { return view_; }
  /// Whether a voter set was among what was applied, and not only before.
  [[nodiscard]] bool saw_voters() const { return saw_voters_; }
  [[nodiscard]] net::LeaderEpoch epoch() const { return epoch_; }
  /// Not in a transaction.
  [[nodiscard]] metadata::ImageRef build(net::Offset end, net::LeaderEpoch epoch_before);

 private:
  kernel::Result<> apply_control(const net::record::RecordView& record);
  metadata::ImageBuilder builder_;
  QuorumView view_;
  bool saw_voters_ = false;
  net::LeaderEpoch epoch_{-1};
  std::int64_t timestamp_ms_;
};

// Snapshots: <end offset>-<epoch>.checkpoint, the state of everything below the end.

struct SnapshotId {
  net::Offset end{0};
  net::LeaderEpoch epoch{0};
  friend auto operator<=>(const SnapshotId&, const SnapshotId&) = default;
};
inline constexpr SnapshotId kBootstrapSnapshot{};
[[nodiscard]] std::string snapshot_name(const SnapshotId& id);
[[nodiscard]] std::optional<SnapshotId> parse_snapshot_name(std::string_view file_name);

struct Snapshot {
  QuorumView view;
  std::vector<metadata::FramedValue> values;
  std::int64_t last_timestamp_ms = 0;  ///< of the last record it stands for
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};
[[nodiscard]] Batch encode_snapshot(const Snapshot& snapshot, net::LeaderEpoch epoch, std::int64_t now_ms);
/// Errors: corrupt (a checksum, a header or footer that is missing, bytes behind it; detail: the position).
[[nodiscard]] kernel::Result<Snapshot> decode_snapshot(kernel::ByteView file);

}  // namespace broker::controller
