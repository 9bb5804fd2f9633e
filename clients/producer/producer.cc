#include "clients/producer/producer.h"

#include "clients/producer/state.h"
#include "kernel/node.h"

namespace clients::producer {

using core::Reason;
using core::TopicInfo;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::record::BatchBuilder;
using net::record::NewRecord;

namespace {

Result<> check(const ProducerConfig& config) {
  const bool good_idempotence =
      !config.idempotence || (config.acks == Acks::all && config.in_flight_max <= kIdempotentInFlightMax);
  const bool fits = static_cast<std::int64_t>(config.batch_bytes) <= config.buffer_bytes && config.buffer_bytes > 0 &&
                    config.batch_bytes > 0;
  if (!good_idempotence || !fits || config.in_flight_max < 1 ||
      !net::compress::level_allowed(config.compression, config.compression_level))
    return fail(Reason::invalid_config);
  return {};
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::open(kernel::Scope& scope, ClusterRef cluster, ProducerConfig config) {
  TRY(check(config));
  auto state = std::make_shared<State>(scope, std::move(cluster), config);
  state->start();
  return std::unique_ptr<Producer>{new Producer{std::move(state)}};
}

Producer::~Producer() {
  state_->closing = true;
  state_->give_up_all(fail(Reason::closed).error());
  state_->crew.stop();
}

const Producer::Stats& Producer::stats() const { return state_->stats; }
std::uint64_t Producer::pending_records() const { return state_->pending; }

Result<DeliveryFuture> Producer::send(Fiber& f, const Record& record) {
  const auto state = state_;
  if (state->closing) return fail(Reason::closed);
  if (state->refused) return std::unexpected(*state->refused);
  NewRecord fresh{record.timestamp_ms.value_or(kernel::ms_of(f.wall())), record.key, record.value, record.headers};
  const std::size_t bytes = BatchBuilder::record_bytes_max(fresh);
  const std::size_t alone = bytes + net::record::kHeaderBytes;
  if (alone > state->config.request_bytes_max || static_cast<std::int64_t>(alone) > state->config.buffer_bytes)
    return fail(Reason::record_too_large, static_cast<std::int64_t>(alone));

  const kernel::Mono due = kernel::saturating_add(f.now(), state->config.block_max);
  const bool ours_is_first = due < f.deadline();
  const auto within = f.deadline_at(due);
  const TopicInfo* topic = state->cluster->metadata().topic(record.topic);
  TopicInfo looked_up;
  if (topic == nullptr || topic->error != net::ErrorCode::none || topic->partitions.empty()) {
    looked_up = TRY(state->cluster->topic(f, record.topic));
    topic = &looked_up;
  }
  State::Key key{std::string{record.topic}, {}};
  if (record.partition) {
    key.partition = *record.partition;
    if (topic->find(key.partition) == nullptr) return fail(Reason::unknown_partition, key.partition.raw());
  } else {
    key.partition = state->partitioner.choose(record.topic, *topic, record.key, bytes);
  }

  kernel::Semaphore::Units memory;
  if (auto at_once = state->memory.try_acquire(static_cast<std::int64_t>(alone))) {
    memory = std::move(*at_once);
  } else {
    ++state->waiting_for_memory;
    state->work.notify_all();
    auto waited = state->memory.acquire(f, static_cast<std::int64_t>(alone));
    --state->waiting_for_memory;
    if (!waited && waited.error().is(Errc::deadline) && ours_is_first) return fail(Errc::exhausted, state->config.buffer_bytes);
    memory = TRY(std::move(waited));
  }
  if (state->closing) return fail(Reason::closed);
  if (state->refused) return std::unexpected(*state->refused);

  PartitionQueue& queue = state->queue(key);
  Batch* batch = queue.filling();
  if (batch != nullptr && batch->size_bytes() + bytes > state->config.batch_bytes) {
    batch->full = true;
    batch = nullptr;
    state->work.notify_all();
  }
  if (batch == nullptr) {
    net::record::BatchOptions options{.codec = state->config.compression,
                                      .compression_level = state->config.compression_level};
    auto opened = std::make_shared<Batch>(state->next_batch_id++, options, f.now(),
                                          kernel::saturating_add(f.now(), state->config.delivery_timeout));
    batch = opened.get();
    batch->fate->partition = key.partition;
    state->undecided.insert(batch->id);
    queue.add(std::move(opened));
    state->work.notify_all();
  }
  batch->builder.append(fresh);
  batch->memory.merge(std::move(memory));
  DeliveryFuture future{batch->fate, batch->records++, fresh.timestamp_ms};
  ++state->stats.records_taken;
  ++state->pending;
  if (batch->size_bytes() >= state->config.batch_bytes) {
    batch->full = true;
    state->work.notify_all();
  }
  return future;
}

Result<> Producer::flush(Fiber& f) {
  const auto state = state_;
  const std::uint64_t below = state->next_batch_id;
  state->flush_below = std::max(state->flush_below, below);
  // What is filling now must not take records that come later, or a busy sender could keep a flush waiting.
  for (auto& [key, queue] : state->queues) {
    if (Batch* batch = queue.filling()) batch->full = true;
  }
  state->work.notify_all();
  while (!state->undecided.empty() && *state->undecided.begin() < below) TRY(state->decided_some.wait(f));
  return {};
}

Result<> Producer::close(Fiber& f) {
  const auto state = state_;
  state->closing = true;
  const Result<> flushed = flush(f);
  state->give_up_all(fail(Reason::closed).error());
  state->crew.stop();
  TRY(flushed);
  return state->crew.wait_empty(f);
}

void Producer::State::start() {
  crew.spawn("producer-housekeeper", shared_from_this(), [this](Fiber& f) { keep_house(f); });
}

void Producer::State::publish(std::vector<Decided>& decided) {
  for (auto& [batch, delivery] : decided) {
    batch->memory = {};
    if (batch->fate->delivery) continue;
    delivery.partition = batch->fate->partition;
    batch->fate->delivery = delivery;
    batch->fate->decided.notify_all();
    undecided.erase(batch->id);
    const auto records = static_cast<std::uint64_t>(batch->records);
    pending -= records;
    if (delivery.outcome == Delivery::Outcome::ok) stats.records_ok += records;
    else if (delivery.outcome == Delivery::Outcome::failed) stats.records_failed += records;
    else stats.records_unknown += records;
  }
  if (!decided.empty()) decided_some.notify_all();
  decided.clear();
}

void Producer::State::give_up_all(const kernel::Error& why) {
  std::vector<Decided> decided;
  for (auto& [key, queue] : queues) queue.abandon(why, decided);
  publish(decided);
}

}  // namespace clients::producer
