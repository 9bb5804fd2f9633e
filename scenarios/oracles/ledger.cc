#include "scenarios/oracles/ledger.h"

#include <fmt/format.h>

#include "kernel/random.h"

namespace scenarios {

std::string to_string(const PartitionName& name) { return fmt::format("{}-{}", name.topic, name.partition); }

void Ledger::sent(const PartitionName& at, const Identity& id, bool exactly_once) {
  partitions_[at].sends[id].exactly_once = exactly_once;
}

void Ledger::forget(const std::string& topic) { forgotten_.insert(topic); }

void Ledger::bind(const PartitionName& at, Partition& partition, net::Offset offset, const Identity& id,
                  std::string_view how) {
  const auto [known, is_new] = partition.by_offset.emplace(offset.raw(), id);
  run_.judged("L1");
  if (!is_new && known->second != id) {
    run_.violation("L1", fmt::format("{} offset {} was {}, now {} ({})", to_string(at), offset.raw(),
                                     to_string(known->second), to_string(id), how));
  }
  Send& send = partition.sends[id];
  send.seen_at.insert(offset.raw());
  if (send.exactly_once) {
    run_.judged("I1");
    if (send.seen_at.size() > 1) {
      run_.violation("I1", fmt::format("{}: {} of an idempotent producer is at offsets {} and {}", to_string(at),
                                       to_string(id), *send.seen_at.begin(), *send.seen_at.rbegin()));
    }
  }
}

void Ledger::acknowledged(const PartitionName& at, const Identity& id, net::Offset offset, Acknowledged how) {
  if (forgotten_.contains(at.topic)) return;
  ++acknowledged_count_;
  Partition& partition = partitions_[at];
  Send& send = partition.sends[id];
  send.acknowledged = how;
  send.offset = offset;
  if (offset.raw() >= 0) {
    run_.judged("D5");
    // An acknowledgement of the leader alone may name an offset that a power failure gives to another record.
    if (how == Acknowledged::all) bind(at, partition, offset, id, "acknowledged");
  }
}

void Ledger::refused(const PartitionName& at, const Identity& id) { partitions_[at].sends[id].refused = true; }

void Ledger::check_order(const PartitionName& at, Partition& partition, net::Offset offset, const Identity& id,
                         const Send& send) {
  if (!send.exactly_once) return;
  auto& order = partition.order[{id.producer, id.incarnation}];
  const auto [here, is_new] = order.emplace(offset.raw(), id.sequence);
  if (!is_new) return;
  run_.judged("L5");
  if (here != order.begin() && std::prev(here)->second >= id.sequence) {
    run_.violation("L5", fmt::format("{}: record {} of producer {} lies behind its record {}", to_string(at),
                                     id.sequence, id.producer, std::prev(here)->second));
  }
  if (std::next(here) != order.end() && std::next(here)->second <= id.sequence) {
    run_.violation("L5", fmt::format("{}: record {} of producer {} lies before its record {}", to_string(at),
                                     id.sequence, id.producer, std::next(here)->second));
  }
}

void Ledger::reader_starts(const PartitionName& at, std::uint64_t reader, net::Offset offset) {
  partitions_[at].reader_next[reader] = offset.raw();
}

void Ledger::read(const PartitionName& at, net::Offset offset, kernel::ByteView value, std::uint64_t reader) {
  Partition& partition = partitions_[at];
  const auto position = partition.reader_next.find(reader);
  if (position != partition.reader_next.end()) {
    run_.judged("L4");
    if (offset.raw() != position->second) {
      run_.violation("L4", fmt::format("{}: reader {} was at {} and got {}", to_string(at), reader, position->second,
                                       offset.raw()));
    }
    position->second = offset.raw() + 1;
  }
  run_.judged("D3");
  const std::optional<Identity> id = decode_value(value, run_.seed());
  if (!id) {
    return run_.violation("D3", fmt::format("{} offset {}: {} bytes that nobody sent", to_string(at), offset.raw(),
                                            value.size()));
  }
  if (id->topic_hash != kernel::hash64(at.topic) || id->partition != at.partition) {
    return run_.violation("D3", fmt::format("{} offset {}: {} belongs elsewhere", to_string(at), offset.raw(),
                                            to_string(*id)));
  }
  const auto send = partition.sends.find(*id);
  if (send == partition.sends.end()) {
    return run_.violation("D3", fmt::format("{} offset {}: {} was not sent yet", to_string(at), offset.raw(),
                                            to_string(*id)));
  }
  if (forgotten_.contains(at.topic)) return;
  if (send->second.refused) {
    run_.violation("D4", fmt::format("{} offset {}: {} was refused for good", to_string(at), offset.raw(),
                                     to_string(*id)));
  }
  bind(at, partition, offset, *id, "read");
  check_order(at, partition, offset, *id, send->second);
  if (final_) partition.final_seen.insert(offset.raw());
}

void Ledger::begin_final_read() {
  final_ = true;
  for (auto& [name, partition] : partitions_) {
    partition.final_seen.clear();
    // A producer that waits for nobody may still be writing; what it adds from here on is not owed by this read.
    partition.owed_end = partition.by_offset.empty() ? 0 : partition.by_offset.rbegin()->first + 1;
  }
}

void Ledger::end_final_read(const std::map<PartitionName, net::Offset>& ends) {
  for (auto& [name, partition] : partitions_) {
    if (forgotten_.contains(name.topic)) continue;
    const auto end = ends.find(name);
    const std::int64_t read_to = end == ends.end() ? 0 : end->second.raw();
    // Whatever a client was shown, or told with acks=all, stays at its offset (durable mode shows only what is synced).
    for (const auto& [offset, id] : partition.by_offset) {
      if (offset >= partition.owed_end) break;
      run_.judged("D1");
      if (offset >= read_to || !partition.final_seen.contains(offset)) {
        run_.violation("D1", fmt::format("{} offset {}: {} was shown or acknowledged and is gone (the log ends at {})",
                                         to_string(name), offset, to_string(id), read_to));
      }
    }
    for (const auto& [id, send] : partition.sends) {
      if (send.acknowledged != Acknowledged::all) continue;
      run_.judged("D1");
      if (send.seen_at.empty()) {
        run_.violation("D1", fmt::format("{}: {} was acknowledged and is nowhere", to_string(name), to_string(id)));
      }
    }
  }
}

}  // namespace scenarios
