#include "scenarios/oracles/kept_ledger.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernel/node.h"

namespace scenarios {

using net::Offset;

void KeptLedger::sent(std::vector<KeptRecord> records, std::size_t batch_bytes) {
  bytes_under_way_ += batch_bytes;
  for (KeptRecord& record : records) {
    const Identity id = record.id;
    sends_[id] = {.record = std::move(record), .sent_at = now(), .batch_bytes = std::exchange(batch_bytes, 0)};
  }
}

void KeptLedger::bind(const Identity& id, Known& known, Offset offset) {
  run_.judged("L1");
  const auto [there, is_new] = by_offset_.emplace(offset.raw(), id);
  if (there->second != id) {
    run_.violation("L1", fmt::format("{} offset {} was {}, now {}", name_, offset.raw(), to_string(there->second),
                                     to_string(id)));
  }
  run_.judged("I1");
  if (known.offset >= Offset{0} && known.offset != offset) {
    run_.violation("I1", fmt::format("{}: {} is at offsets {} and {}", name_, to_string(id), known.offset.raw(),
                                     offset.raw()));
  }
  if (known.offset != offset) known.placed_at = now();
  known.offset = offset;
  by_key_[known.record.key].insert(offset.raw());
}

void KeptLedger::acknowledged(const std::vector<Identity>& batch, net::ProducerId producer, Offset base) {
  bytes_under_way_ -= sends_.at(batch.front()).batch_bytes;
  Offset at = base;
  for (const Identity& id : batch) {
    bind(id, sends_.at(id), at);
    at = at + 1;
  }
  last_of_producer_[producer] = at.raw() - 1;
}

void KeptLedger::judge_bytes(Offset start) {
  std::uint64_t left = bytes_under_way_;
  for (auto at = by_offset_.lower_bound(start.raw()); at != by_offset_.end(); ++at) left += sends_.at(at->second).batch_bytes;
  if (left >= static_cast<std::uint64_t>(rules_.retention_bytes)) return;
  run_.violation("C1", fmt::format("{} starts at {} and holds {} bytes at most; it keeps {}", name_, start.raw(), left,
                                   rules_.retention_bytes));
}

void KeptLedger::told_start(Offset known, Offset start) {
  run_.judged("C1");
  if (start < known) {
    run_.violation("C1", fmt::format("{} starts at {} again, after it had started at {}", name_, start.raw(), known.raw()));
  }
  if (start <= start_) return;
  start_ = start;
  starts_.push_back({start, kernel::ms_of(broker_.clock().latest_wall())});
  if (rules_.retention_bytes >= 0) return judge_bytes(start);
  if (rules_.retention_ms < 0) run_.violation("C1", fmt::format("{} starts at {} and nothing lets it", name_, start.raw()));
}

std::int64_t KeptLedger::some_time(kernel::Random& random) const {
  if (by_offset_.empty()) return 0;
  auto at = by_offset_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random.below(by_offset_.size())));
  return sends_.at(at->second).record.timestamp_ms + random.between(-1, 1);
}

void KeptLedger::told_time(kernel::Mono asked, Offset start, std::int64_t timestamp, Offset offset, std::int64_t told_ms) {
  run_.judged("C6");
  const bool newest = timestamp == kNewest;
  const std::string question = newest ? "the newest record" : fmt::format("the first record from {} on", timestamp);
  const auto answer = by_offset_.find(offset.raw());
  if (answer != by_offset_.end()) {
    const std::int64_t is_ms = sends_.at(answer->second).record.timestamp_ms;
    if (is_ms != told_ms || (!newest && is_ms < timestamp)) {
      run_.violation("C6", fmt::format("{}: {} is said to be {}, of {}; that is of {}", name_, question, offset.raw(), told_ms, is_ms));
    }
  }
  // What was there all the while and would have been the answer.
  for (auto at = by_offset_.lower_bound(start.raw()); at != by_offset_.end(); ++at) {
    if (!newest && offset >= Offset{0} && at->first >= offset.raw()) break;
    const Known& known = sends_.at(at->second);
    const bool better = newest ? known.record.timestamp_ms > told_ms || offset < Offset{0} : known.record.timestamp_ms >= timestamp;
    if (!better || known.placed_at >= asked || (rules_.compacts && may_be_compacted(at->first, known, now()))) continue;
    if (rules_.compacts && unplaced_may_supersede(known.record.key)) continue;
    run_.violation("C6", fmt::format("{}: {} is said to be {}, of {}; there is {}, of {}", name_, question, offset.raw(), told_ms,
                                     at->first, known.record.timestamp_ms));
    return;
  }
}

void KeptLedger::miss(std::int64_t from, std::int64_t to) {
  for (auto at = by_offset_.lower_bound(from); at != by_offset_.end() && at->first < to; ++at) {
    if (rules_.compacts) {
      missing_.emplace(at->first, now());
      continue;
    }
    run_.violation("L3", fmt::format("{}: a reader came past offset {} and did not get {}", name_, at->first,
                                     to_string(at->second)));
  }
}

void KeptLedger::read(Pass& pass, const net::record::RecordView& record, kernel::Mono asked) {
  run_.judged("D3");
  std::optional<Identity> id;
  if (const auto header = record.headers.find_last(kIdentityHeader); header && header->value) {
    id = decode_value(*header->value, run_.seed());
  }
  const auto send = id ? sends_.find(*id) : sends_.end();
  if (send == sends_.end()) {
    return run_.violation("D3", fmt::format("{} offset {}: a record that nobody sent", name_, record.offset.raw()));
  }
  run_.judged("L6");
  const KeptRecord& was = send->second.record;
  const auto value = encode_value(*id, run_.seed(), was.padding);
  const bool same = record.key && kernel::as_text(*record.key) == was.key && record.timestamp_ms == was.timestamp_ms &&
                    record.value.has_value() != was.tombstone && (was.tombstone || std::ranges::equal(*record.value, value));
  if (!same) {
    run_.violation("L6", fmt::format("{} offset {}: {} is not what it was", name_, record.offset.raw(), to_string(*id)));
  }
  run_.judged("L3");
  if (record.offset < pass.next) {
    run_.violation("L3", fmt::format("{}: a reader at {} got {}", name_, pass.next.raw(), record.offset.raw()));
  }
  bind(*id, send->second, record.offset);
  miss(pass.next.raw(), record.offset.raw());
  pass.next = record.offset + 1;
  pass.seen.insert(record.offset.raw());
  if (rules_.compacts) run_.judged("C5");
  const auto missed = missing_.find(record.offset.raw());
  if (missed != missing_.end() && missed->second < asked) {
    run_.violation("C5", fmt::format("{} offset {} had been compacted away and is there again", name_, record.offset.raw()));
  }
}

void KeptLedger::read_to(Pass& pass, Offset end) {
  miss(pass.next.raw(), end.raw());
  pass.next = std::max(pass.next, end);
}

bool KeptLedger::horizon_may_have_passed(const Known& tombstone, kernel::Mono when) const {
  kernel::Duration elapsed = when - tombstone.sent_at + broker_.clock().wall_span();
  elapsed += elapsed / 1000 + std::chrono::milliseconds{1};  // clocks run up to 500 parts per million fast
  return tombstone.record.tombstone && elapsed >= std::chrono::milliseconds{rules_.delete_retention_ms};
}

bool KeptLedger::may_be_compacted(std::int64_t offset, const Known& known, kernel::Mono when) const {
  const auto& places = by_key_.at(known.record.key);
  // Whoever supersedes it was sent before it was missing.
  for (auto later = places.upper_bound(offset); later != places.end(); ++later) {
    if (sends_.at(by_offset_.at(*later)).sent_at <= when) return true;
  }
  return horizon_may_have_passed(known, when);
}

void KeptLedger::judge_expired(std::int64_t offset, const Known& known) {
  const auto heard = std::ranges::find_if(starts_, [&](const Started& one) { return one.start.raw() > offset; });
  if (rules_.retention_ms < 0 || heard == starts_.end()) return;
  run_.judged(rules_.compacts ? "C4" : "C1");
  if (known.record.timestamp_ms < heard->wall_ms - rules_.retention_ms) return;
  if (rules_.compacts) {
    run_.judged("C4");
    if (may_be_compacted(offset, known, now())) return;
    run_.violation("C4", fmt::format("{}: offset {} is neither superseded nor old, and lies below the start {}", name_, offset, heard->start.raw()));
    return;
  }
  run_.violation("C1", fmt::format("{} offset {} is {} ms young and below the start {}; the topic keeps {} ms", name_, offset,
                                   heard->wall_ms - known.record.timestamp_ms, heard->start.raw(), rules_.retention_ms));
}

void KeptLedger::judge(const Pass& pass) {
  for (const auto& [offset, id] : by_offset_) {
    const Known& known = sends_.at(id);
    if (offset < start_.raw()) {
      judge_expired(offset, known);
      continue;
    }
    run_.judged("D1");
    const auto missed = missing_.find(offset);
    if (missed == missing_.end() && pass.seen.contains(offset)) continue;
    if (!rules_.compacts) {
      run_.violation("D1", fmt::format("{} offset {}: {} was acknowledged or shown and is gone", name_, offset, to_string(id)));
      continue;
    }
    run_.judged("C2");
    if (may_be_compacted(offset, known, missed == missing_.end() ? now() : missed->second)) continue;
    run_.violation("C2", fmt::format("{} offset {}: {} was the last of its key \"{}\" and is gone", name_, offset,
                                     to_string(id), known.record.key));
  }
  // What a reader from the start makes of it all.
  for (const auto& [key, places] : by_key_) {
    const std::int64_t last = *places.rbegin();
    if (last < start_.raw()) continue;
    run_.judged("C3");
    const Known& known = sends_.at(by_offset_.at(last));
    if (pass.seen.contains(last) || horizon_may_have_passed(known, now())) continue;
    run_.violation("C3", fmt::format("{}: who reads all does not learn the last value of \"{}\", at {}", name_, key, last));
  }
}

bool KeptLedger::unplaced_may_supersede(const std::string& key) const {
  return std::ranges::any_of(sends_, [&](const auto& send) {
    return send.second.offset < Offset{0} && send.second.record.key == key;
  });
}

bool KeptLedger::unplaced_tombstone_may_have_gone(const std::string& key) const {
  return std::ranges::any_of(sends_, [&](const auto& send) {
    const Known& known = send.second;
    return known.offset < Offset{0} && known.record.key == key && horizon_may_have_passed(known, now());
  });
}

void KeptLedger::check_disk(const sim::DiskImage& image, std::span<const std::string> log_directories) {
  const auto found = scan_records(image, log_directories, name_);
  if (!found) return;
  const std::int64_t start = std::max(found->start, start_).raw();
  std::map<std::string, std::int64_t> last_on_disk;
  for (const auto& [offset, key] : found->keys) {
    if (offset < found->active_base.raw()) last_on_disk[key] = offset;
  }
  for (const auto& [key, places] : by_key_) {
    const auto behind = places.lower_bound(found->active_base.raw());
    if (behind == places.begin() || *std::prev(behind) < start) continue;
    run_.judged("C2");
    const std::int64_t last = *std::prev(behind);
    const auto there = last_on_disk.find(key);
    if (there != last_on_disk.end() && there->second >= last) continue;
    if (rules_.compacts && horizon_may_have_passed(sends_.at(by_offset_.at(last)), now())) continue;
    if (rules_.compacts && unplaced_tombstone_may_have_gone(key)) continue;
    run_.violation("C2", fmt::format("{}: below the active segment, at {}, offset {} is the last of key \"{}\", and it is gone",
                                     name_, found->active_base.raw(), last, key));
  }
  for (const auto& [producer, last] : last_of_producer_) {
    if (last < start) continue;
    run_.judged("C2");
    const auto there = found->last_of_producer.find(producer);
    if (there != found->last_of_producer.end() && there->second.raw() >= last) continue;
    run_.violation("C2", fmt::format("{}: the last batch of producer {}, which ended at {}, is gone", name_, producer.raw(), last));
  }
}

}  // namespace scenarios
