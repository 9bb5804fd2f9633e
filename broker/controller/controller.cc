#include "broker/controller/controller.h"

#include <algorithm>

#include "broker/controller/decide.h"
#include "broker/controller/decide_partitions.h"
#include "broker/controller/decide_settings.h"
#include "kernel/bug.h"
#include "kernel/check.h"
#include "kernel/node.h"

namespace broker::controller {

using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using metadata::FramedValue;

namespace {

/// Kafka writes no larger batches here and expects none.
constexpr std::size_t kBatchBytesMax = 8u << 20;
constexpr std::size_t kChangesPerBatch = 10'000;

bool is_unknown_outcome(const kernel::Error& error) {
  return error.is(kernel::Errc::cancelled) || error.is(kernel::Errc::deadline) ||
         error.is(log::LogReason::directory_offline);
}

}  // namespace

// Opening is in controller_open.cc.

Controller::~Controller() = default;

void Controller::publish(metadata::ImageRef image) {
  CHECK(image_ == nullptr || image->offset >= image_->offset);
  image_ = std::move(image);
  changed_.notify_all();
}

Result<> Controller::apply_pending() {
  const Pending done = std::move(*pending_);
  Replay replay = unfinished_ ? std::move(*unfinished_) : Replay{*image_, view_};
  unfinished_.reset();
  net::record::BatchReader reader{done.batch};
  while (const auto batch = TRY(reader.next())) TRY(replay.apply(*batch));
  view_ = replay.view();
  end_ = done.appended.next_offset;
  bytes_since_snapshot_ += done.batch.size();
  pending_.reset();
  if (replay.builder().in_transaction()) unfinished_.emplace(std::move(replay));
  else publish(replay.build(end_, epoch_));
  return {};
}

Result<> Controller::settle(Fiber& f) {
  if (!pending_) return {};
  const auto synced = BUG(f, "controller.skip_sync") ? log_->wait_written(f, pending_->appended)
                                                     : log_->wait_committed(f, pending_->appended);
  if (!synced) {
    if (is_unknown_outcome(synced.error())) changed_.notify_all();
    else pending_.reset();  // the log went on without it
    return synced;
  }
  return apply_pending();
}

Result<> Controller::write_batch(Fiber& f, Batch batch) {
  CHECK(!pending_);
  if (batch.size() > kBatchBytesMax) return fail(kernel::Errc::too_large, static_cast<std::int64_t>(batch.size()));
  const auto appended = TRY(log_->submit(kernel::Buffer::copy_of(batch),
                                         {.leader_epoch = epoch_, .origin = log::AppendOrigin::coordinator}));
  CHECK(appended.base_offset == end_);
  pending_ = Pending{.batch = std::move(batch), .appended = appended};
  if (BUG(f, "controller.apply_before_sync")) {
    TRY(apply_pending());
    return log_->wait_committed(f, appended);
  }
  return settle(f);
}

Result<> Controller::write(Fiber& f, std::span<const FramedValue> values) {
  if (values.empty()) return {};
  return write_batch(f, data_batch(values, {.epoch = epoch_, .timestamp_ms = kernel::ms_of(f.wall()), .base = {}}));
}

Result<> Controller::write_in_parts(Fiber& f, std::span<const FramedValue> values) {
  for (std::size_t i = 0; i < values.size(); i += kChangesPerBatch)
    TRY(write(f, values.subspan(i, std::min(kChangesPerBatch, values.size() - i))));
  return {};
}

Result<kernel::Mutex::Lock> Controller::begin_change(Fiber& f) {
  auto lock = TRY(changing_.lock(f));
  const auto settled = settle(f);
  if (!settled && pending_) return std::unexpected(settled.error());  // still unknown: nothing can be decided on it
  return lock;
}

Result<> Controller::finish(Fiber& f) {
  const auto lock = TRY(begin_change(f));  // which settles what is pending
  return {};
}

Result<net::BrokerEpoch> Controller::register_broker(Fiber& f, const metadata::Broker& registration) {
  const auto lock = TRY(begin_change(f));
  metadata::Broker broker = registration;
  broker.epoch = net::BrokerEpoch{image_->offset.raw()};  // of the record that registers it
  TRY(write(f, decide_registration(*image_, broker)));
  TRY(write_in_parts(f, decide_leaderships(*image_, broker.id)));
  snapshot_when_due(f);
  return broker.epoch;
}

Result<> Controller::assign_directories(Fiber& f, std::span<const DirectoryAssignment> assignments) {
  const auto lock = TRY(begin_change(f));
  if (BUG(f, "broker.directory_not_assigned")) return {};
  return write_in_parts(f, decide_assignments(*image_, options_.node_id, assignments));
}

Result<> Controller::keep_directories(Fiber& f, std::span<const net::Uuid> online) {
  const auto lock = TRY(begin_change(f));
  return write_in_parts(f, decide_directories(*image_, options_.node_id, online));
}

Result<std::vector<CreatedTopic>> Controller::create_topics(Fiber& f, std::span<const NewTopic> wanted,
                                                            bool validate_only) {
  const auto lock = TRY(begin_change(f));
  CreateDecision decided = decide_new_topics(
      *image_, wanted,
      {.partitions = options_.default_partitions, .replication_factor = options_.default_replication_factor}, random_);
  if (validate_only) {
    for (CreatedTopic& one : decided.answers) one.id = {};
    return std::move(decided.answers);
  }
  TRY(write(f, decided.records));
  snapshot_when_due(f);
  return std::move(decided.answers);
}

Result<std::vector<DeletedTopic>> Controller::delete_topics(Fiber& f, std::span<const net::TopicId> ids) {
  const auto lock = TRY(begin_change(f));
  DeleteDecision decided = decide_deletions(*image_, ids);
  TRY(write(f, decided.records));
  snapshot_when_due(f);
  return std::move(decided.answers);
}

Result<std::vector<AlteredSettings>> Controller::alter_settings(Fiber& f, std::span<const SettingsWish> wanted,
                                                                bool validate_only) {
  const auto lock = TRY(begin_change(f));
  SettingsDecision decided = decide_settings(*image_, wanted);
  if (validate_only) return std::move(decided.answers);
  TRY(write(f, decided.records));
  snapshot_when_due(f);
  return std::move(decided.answers);
}

Result<std::vector<GrownTopic>> Controller::create_partitions(Fiber& f, std::span<const PartitionsWish> wanted,
                                                              bool validate_only) {
  const auto lock = TRY(begin_change(f));
  PartitionsDecision decided = decide_new_partitions(*image_, wanted, random_);
  if (validate_only) return std::move(decided.answers);
  TRY(write(f, decided.records));
  snapshot_when_due(f);
  return std::move(decided.answers);
}

Result<ProducerIdBlock> Controller::allocate_producer_ids(Fiber& f) {
  const auto lock = TRY(begin_change(f));
  ProducerIdDecision decided = decide_producer_ids(*image_, options_.node_id);
  if (!BUG(f, "controller.reuse_producer_id_block")) TRY(write(f, {&decided.record, 1}));
  snapshot_when_due(f);
  return decided.block;
}

void Controller::snapshot_when_due(Fiber& f) {
  if (bytes_since_snapshot_ < options_.snapshot_after_bytes && !f.nudge("controller.early_snapshot")) return;
  // The change that made it due is on the log whatever becomes of the snapshot, which the next one tries again.
  if (const auto written = snapshot(f); !written && !written.error().is(kernel::Errc::cancelled))
    f.log().warn("metadata_snapshot_failed", {{"why", written.error()}});
}

Result<> Controller::snapshot(Fiber& f) {
  const auto lock = TRY(snapshotting_.lock(f));
  const metadata::ImageRef image = image_;
  const SnapshotId id{image->offset, image->epoch};
  if (id <= last_snapshot_) return {};
  const std::uint64_t bytes_before = bytes_since_snapshot_;
  const Snapshot content{
      .view = view_, .values = metadata::to_records(*image), .last_timestamp_ms = image->timestamp_ms};
  const Batch bytes = encode_snapshot(content, id.epoch, kernel::ms_of(f.wall()));
  TRY(store_.save(f, id, bytes, random_.u64()));
  last_snapshot_ = id;
  bytes_since_snapshot_ -= bytes_before;
  f.log().info("metadata_snapshot_written", {{"end_offset", id.end}, {"size_bytes", bytes.size()}});
  TRY(log_->advance_start(f, id.end));
  return store_.remove_below(f, id);
}

Result<> Controller::close(Fiber& f) {
  // Offline or not, the log is closed as far as it can be.
  const auto change = begin_change(f);
  const auto snapshot = snapshotting_.lock(f);
  TRY(log_->close(f));
  return change ? Result<>{} : std::unexpected(change.error());
}

}  // namespace broker::controller
