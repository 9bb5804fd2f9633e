#include "broker/log/producer_state.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "kernel/check.h"

namespace broker::log {

using net::record::BatchHeader;
using net::record::kSequenceNone;

std::int32_t SequencedBatch::first_sequence() const {
  // Going back d is going forward 2^31 - d on the circle of 2^31 sequences.
  return static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(last_sequence) - static_cast<std::uint32_t>(offset_delta)) & 0x7fffffffu);
}

std::int32_t ProducerEntry::last_sequence() const {
  return batches.empty() ? kSequenceNone : batches.back().last_sequence;
}

Judgement ProducerState::judge(const BatchHeader& header) const {
  CHECK(header.has_producer());
  CHECK(header.base_sequence >= 0);
  const ProducerEntry* entry = find(header.producer_id);
  if (entry == nullptr || entry->epoch == net::kProducerEpochNone) return {};
  if (header.producer_epoch < entry->epoch) return {.verdict = Verdict::invalid_producer_epoch};
  if (header.producer_epoch > entry->epoch) {
    if (header.base_sequence != 0) return {.verdict = Verdict::out_of_order_sequence};
  } else {
    const auto same = std::ranges::find_if(entry->batches, [&](const SequencedBatch& batch) {
      return batch.first_sequence() == header.base_sequence && batch.last_sequence == header.last_sequence();
    });
    if (same != entry->batches.end()) return {.verdict = Verdict::duplicate, .original = *same};
    const std::int32_t expected =
        entry->batches.empty() ? 0 : net::record::sequence_after(entry->last_sequence(), 1);
    if (header.base_sequence != expected) return {.verdict = Verdict::out_of_order_sequence};
  }
  if (entry->open_transaction_start && !header.is_transactional()) return {.verdict = Verdict::transaction_expected};
  return {};
}

void ProducerState::apply(const BatchHeader& header) {
  if (!header.has_producer() || header.is_control()) return;
  ProducerEntry& entry = entries_[header.producer_id];
  if (entry.epoch != header.producer_epoch) {
    entry.batches.clear();
    entry.epoch = header.producer_epoch;
  }
  if (entry.batches.size() == kBatchesRemembered) entry.batches.erase(entry.batches.begin());
  entry.batches.push_back({.last_sequence = header.last_sequence(),
                           .last_offset = header.last_offset(),
                           .offset_delta = header.last_offset_delta,
                           .timestamp_ms = header.max_timestamp_ms});
  entry.last_timestamp_ms = header.max_timestamp_ms;
  entry.seen_turn = turn_;
  if (header.is_transactional() && !entry.open_transaction_start) set_open(entry, header.base_offset);
}

std::optional<EndedTransaction> ProducerState::apply_marker(const net::record::TransactionMarker& marker, Offset at) {
  ProducerEntry& entry = entries_[marker.producer_id];
  if (entry.epoch != marker.producer_epoch) {
    entry.batches.clear();
    entry.epoch = marker.producer_epoch;
  }
  entry.coordinator_epoch = marker.coordinator_epoch;
  entry.last_timestamp_ms = marker.timestamp_ms;
  entry.seen_turn = turn_;
  const std::optional<Offset> first = entry.open_transaction_start;
  if (!first) return std::nullopt;
  set_open(entry, std::nullopt);
  if (*first >= at) return std::nullopt;  // only a snapshot of another log says so
  return EndedTransaction{.producer = marker.producer_id,
                          .first = *first,
                          .marker = at,
                          .aborted = marker.type == net::record::ControlType::abort,
                          .last_stable = std::min(first_open().value_or(at + 1), at + 1)};
}

void ProducerState::set_open(ProducerEntry& entry, std::optional<Offset> start) {
  if (entry.open_transaction_start) {
    const auto at = open_.find(*entry.open_transaction_start);
    CHECK(at != open_.end());
    open_.erase(at);
  }
  entry.open_transaction_start = start;
  if (start) open_.insert(*start);
}

std::optional<Offset> ProducerState::first_open() const {
  return open_.empty() ? std::nullopt : std::optional{*open_.begin()};
}

void ProducerState::restore(ProducerId id, std::optional<ProducerEntry> entry) {
  if (const auto at = entries_.find(id); at != entries_.end()) {
    set_open(at->second, std::nullopt);
    entries_.erase(at);
  }
  if (!entry) return;
  const std::optional<Offset> start = std::exchange(entry->open_transaction_start, std::nullopt);
  set_open(entries_.emplace(id, *std::move(entry)).first->second, start);
}

std::size_t ProducerState::expire(std::uint32_t turns_max) {
  ++turn_;
  return std::erase_if(entries_, [&](const auto& item) {
    return !item.second.open_transaction_start && turn_ - item.second.seen_turn > turns_max;
  });
}

const ProducerEntry* ProducerState::find(ProducerId id) const {
  const auto at = entries_.find(id);
  return at == entries_.end() ? nullptr : &at->second;
}

}  // namespace broker::log
