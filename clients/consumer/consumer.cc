#include "clients/consumer/consumer.h"

#include "clients/consumer/state.h"
#include "kernel/node.h"

namespace clients::consumer {

using core::Reason;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::Offset;

namespace {

/// Decompressing more than this at once would hold up the shard's other fibers.
constexpr std::size_t kInlineDecompressionBytesMax = 32 * 1024;

}  // namespace

Result<std::unique_ptr<Consumer>> Consumer::open(kernel::Scope& scope, ClusterRef cluster, ConsumerConfig config) {
  if (config.fetch_bytes_max < 1 || config.partition_bytes_max < 1 || config.prefetch_bytes < 1)
    return fail(Reason::invalid_config);
  auto state = std::make_shared<State>(scope, std::move(cluster), config);
  state->crew.spawn("consumer-housekeeper", state, [at = state.get()](Fiber& f) { at->keep_house(f); });
  return std::unique_ptr<Consumer>{new Consumer{std::move(state)}};
}

Consumer::~Consumer() { state_->crew.stop(); }

Result<> Consumer::close(Fiber& f) {
  const auto state = state_;
  state->crew.stop();
  state->arrived.notify_all();
  return state->crew.wait_empty(f);
}

void Consumer::State::drop_buffered(Partition& partition) {
  stats.buffered_bytes -= partition.buffered_bytes;
  partition.buffered_bytes = 0;
  partition.buffered.clear();
}

void Consumer::State::place(const TopicPartition&, Partition& partition, Start start) {
  drop_buffered(partition);
  partition.generation = next_generation++;
  partition.start = start;
  partition.position.reset();
  partition.halted.reset();
  partition.halt_reported = false;
  partition.read_epoch = net::kLeaderEpochNone;
  partition.position_epoch = net::kLeaderEpochNone;
  partition.agreed_epoch = net::kLeaderEpochNone;
  partition.not_before = {};
  partition.failures = 0;
  if (const auto* offset = std::get_if<Offset>(&start)) {
    partition.position = *offset;
    partition.fetch_next = *offset;
  }
  work.notify_all();
}

void Consumer::assign(const TopicPartition& at, Start start, net::LeaderEpoch read_epoch) {
  const auto [entry, fresh] = state_->partitions.try_emplace(at);
  if (fresh) {
    entry->second.fetch_bytes = state_->config.partition_bytes_max;
    state_->cluster->watch(at.topic);
  }
  state_->place(at, entry->second, start);
  // Taken for agreed then: a later leader is asked where that epoch ended before anything is fetched from it.
  entry->second.read_epoch = read_epoch;
  entry->second.position_epoch = read_epoch;
  entry->second.agreed_epoch = read_epoch;
}

void Consumer::unassign(const TopicPartition& at) {
  const auto found = state_->partitions.find(at);
  if (found == state_->partitions.end()) return;
  state_->drop_buffered(found->second);
  state_->partitions.erase(found);
  state_->cluster->unwatch(at.topic);
  state_->work.notify_all();
}

std::vector<TopicPartition> Consumer::assignment() const {
  std::vector<TopicPartition> all;
  for (const auto& [key, partition] : state_->partitions) all.push_back(key);
  return all;
}

bool Consumer::is_assigned(const TopicPartition& at) const { return state_->partitions.contains(at); }

void Consumer::seek(const TopicPartition& at, Start start) {
  const auto found = state_->partitions.find(at);
  CHECK(found != state_->partitions.end());
  state_->place(at, found->second, start);
}

void Consumer::pause(const TopicPartition& at) {
  const auto found = state_->partitions.find(at);
  CHECK(found != state_->partitions.end());
  found->second.paused = true;
  state_->work.notify_all();
}

void Consumer::resume(const TopicPartition& at) {
  const auto found = state_->partitions.find(at);
  CHECK(found != state_->partitions.end());
  found->second.paused = false;
  state_->work.notify_all();
  state_->arrived.notify_all();
}

std::optional<Offset> Consumer::position(const TopicPartition& at) const {
  const auto found = state_->partitions.find(at);
  return found == state_->partitions.end() ? std::nullopt : found->second.position;
}

net::LeaderEpoch Consumer::position_epoch(const TopicPartition& at) const {
  const auto found = state_->partitions.find(at);
  return found == state_->partitions.end() ? net::kLeaderEpochNone : found->second.position_epoch;
}

bool Consumer::has_pollable() const { return state_->next_pollable() != state_->partitions.end(); }
kernel::Notify& Consumer::arrived() const { return state_->arrived; }

const Consumer::Stats& Consumer::stats() const { return state_->stats; }

std::map<TopicPartition, Partition>::iterator Consumer::State::next_pollable() {
  auto at = partitions.upper_bound(polled_last);
  for (std::size_t i = 0; i < partitions.size(); ++i, ++at) {
    if (at == partitions.end()) at = partitions.begin();
    const Partition& partition = at->second;
    if (partition.paused) continue;
    if (!partition.buffered.empty() || (partition.halted && !partition.halt_reported)) return at;
  }
  return partitions.end();
}

Result<std::optional<Polled>> Consumer::poll(Fiber& f, kernel::Duration wait_max) {
  const auto state = state_;
  const kernel::Mono due = kernel::saturating_add(f.now(), wait_max);
  const bool ours_is_first = due < f.deadline();
  for (;;) {
    if (state->crew.stopped()) return fail(Reason::closed);
    const auto found = state->next_pollable();
    if (found != state->partitions.end()) {
      state->polled_last = found->first;
      Polled polled = TRY(state->hand_out(f, found->first, found->second));
      if (polled.error || !polled.records.empty()) return std::optional<Polled>{std::move(polled)};
      continue;
    }
    const auto within = f.deadline_at(due);
    const auto woken = state->arrived.wait(f);
    if (woken) continue;
    if (woken.error().is(Errc::deadline) && ours_is_first) return std::optional<Polled>{};
    return std::unexpected(woken.error());
  }
}

/// The first buffered batch of a partition, from its position on. `at` and `partition` may be gone after a suspension.
Result<Polled> Consumer::State::hand_out(Fiber& f, const TopicPartition& at, Partition& partition) {
  Polled polled;
  polled.at = at;
  polled.high_watermark = partition.high_watermark;
  if (partition.buffered.empty()) {
    polled.error = partition.halted;
    polled.next_offset = partition.position.value_or(Offset{-1});
    partition.halt_reported = true;
    return polled;
  }
  const FetchedBatch batch = partition.buffered.front();
  const Offset from = *partition.position;
  const std::uint64_t generation = partition.generation;
  partition.buffered.pop_front();
  partition.buffered_bytes -= batch.bytes.size();
  stats.buffered_bytes -= batch.bytes.size();
  work.notify_all();

  const kernel::ByteView packed = batch.bytes.view().subspan(net::record::kHeaderBytes);
  const auto open = [&] { return net::record::RecordRegion::open(batch.header, packed, config.decompressed_bytes_max); };
  const bool compressed = batch.header.codec() != net::record::Codec::none;
  auto region = compressed && packed.size() > kInlineDecompressionBytesMax ? kernel::offload(f, open) : open();
  std::optional<kernel::Error> problem;
  if (region) {
    polled.bytes = batch.bytes;
    polled.region.emplace(std::move(*region));
    polled.records.reserve(std::min<std::size_t>(static_cast<std::size_t>(std::max(batch.header.records_count, 0)),
                                                 polled.region->bytes().size()));
    net::record::RecordIterator records = polled.region->iterate();
    for (;;) {
      auto record = records.next();
      if (!record) {
        problem = fail(Reason::corrupt_batch, batch.header.base_offset.raw()).error();
        break;
      }
      if (!*record) break;
      if ((*record)->offset >= from) polled.records.push_back(**record);
    }
  } else {
    problem = fail(Reason::corrupt_batch, batch.header.base_offset.raw()).error();
  }

  const auto still = partitions.find(polled.at);
  const bool current = still != partitions.end() && still->second.generation == generation;
  if (!current) return Polled{};  // the caller moved on while we unpacked
  if (problem) {
    polled.records.clear();
    halt(still->second, *problem);
    drop_buffered(still->second);
    still->second.halt_reported = true;
    polled.error = problem;
    polled.next_offset = from;
    return polled;
  }
  still->second.position = batch.next_offset;
  still->second.position_epoch = batch.header.leader_epoch;
  polled.next_offset = batch.next_offset;
  stats.records += polled.records.size();
  return polled;
}

Result<std::map<TopicPartition, Offset>> Consumer::end_offsets(Fiber& f, const std::vector<TopicPartition>& partitions) {
  OffsetQuery query;
  for (const TopicPartition& at : partitions) query.emplace(at, End{});
  std::map<TopicPartition, Offset> ends;
  for (const auto& [at, found] : TRY(list_offsets(f, *state_->cluster, query, state_->config.isolation)))
    ends[at] = found.offset;
  return ends;
}

Result<std::map<TopicPartition, Offset>> Consumer::beginning_offsets(Fiber& f,
                                                                     const std::vector<TopicPartition>& partitions) {
  OffsetQuery query;
  for (const TopicPartition& at : partitions) query.emplace(at, Beginning{});
  std::map<TopicPartition, Offset> begins;
  for (const auto& [at, found] : TRY(list_offsets(f, *state_->cluster, query, state_->config.isolation)))
    begins[at] = found.offset;
  return begins;
}

}  // namespace clients::consumer
