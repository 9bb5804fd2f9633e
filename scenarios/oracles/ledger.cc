#include "scenarios/oracles/ledger.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernel/random.h"

namespace scenarios {

std::string to_string(const PartitionName& name) { return fmt::format("{}-{}", name.topic, name.partition); }

void Ledger::sent(const PartitionName& at, const Identity& id, bool exactly_once) {
  Partition& partition = partitions_[at];
  Send& send = partition.sends[id];
  send.exactly_once = exactly_once;
  send.after = partition.known_end;
}

void Ledger::forget(const std::string& topic) { forgotten_.insert(topic); }

void Ledger::check_after(const PartitionName& at, const Identity& id, const Send& send, net::Offset offset) {
  if (send.after == 0) return;
  run_.judged("D6");
  if (offset.raw() < send.after) {
    run_.violation("D6", fmt::format("{}: {} is at {}, and the log was known to end at {} before it was sent", to_string(at),
                                     to_string(id), offset.raw(), send.after));
  }
}

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
  check_after(at, id, send, offset);
  if (send.exactly_once) {
    run_.judged("I1");
    if (send.seen_at.size() > 1) {
      run_.violation("I1", fmt::format("{}: {} of an idempotent producer is at offsets {} and {}", to_string(at),
                                       to_string(id), *send.seen_at.begin(), *send.seen_at.rbegin()));
    }
  }
}

void Ledger::acknowledged(const PartitionName& at, const Identity& id, net::Offset offset, Acknowledged how,
                          std::optional<Era> sent_in) {
  if (forgotten_.contains(at.topic) || !binds(promise_of(at, how), sent_in)) return;
  ++acknowledged_count_;
  Partition& partition = partitions_[at];
  Send& send = partition.sends[id];
  send.acknowledged = how;
  send.offset = offset;
  if (offset.raw() < 0) return;
  run_.judged("D5");
  if (how == Acknowledged::all) {
    partition.known_end = std::max(partition.known_end, offset.raw() + 1);
    bind(at, partition, offset, id, "acknowledged");
    return;
  }
  check_after(at, id, send, offset);
  const auto [known, is_new] = partition.by_leader.emplace(offset.raw(), id);
  if (!is_new && known->second != id) {
    run_.violation("D5", fmt::format("{} offset {} was acknowledged for {} and for {}", to_string(at), offset.raw(),
                                     to_string(known->second), to_string(id)));
  }
}

void Ledger::refused(const PartitionName& at, const Identity& id) {
  run_.judged("D4");  // by every read from here on
  partitions_[at].sends[id].refused = true;
}

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

net::Offset Ledger::shown_end(const PartitionName& at) const {
  const auto known = partitions_.find(at);
  return net::Offset{known == partitions_.end() ? 0 : known->second.shown_end};
}

net::Offset Ledger::known_end(const PartitionName& at) const {
  const auto known = partitions_.find(at);
  return net::Offset{known == partitions_.end() ? 0 : known->second.known_end};
}

void Ledger::told_end(const PartitionName& at, net::Offset known, Era asked_in, net::Offset end) {
  if (!binds(promise_of(at, Acknowledged::all), asked_in)) return;
  run_.judged("R2");
  if (end < known) {
    run_.violation("R2", fmt::format("{}: was said to end at {} after somebody had been told that it ends at {}",
                                     to_string(at), end.raw(), known.raw()));
  }
  std::int64_t& highest = partitions_[at].known_end;
  highest = std::max(highest, end.raw());
}

void Ledger::read(const PartitionName& at, net::Offset offset, kernel::ByteView value, std::uint64_t reader,
                  std::optional<Era> asked_in) {
  Partition& partition = partitions_[at];
  const bool binding = binds(promise_of(at, Acknowledged::all), asked_in);
  const auto position = partition.reader_next.find(reader);
  if (position != partition.reader_next.end()) {
    run_.judged("L4");
    if (binding && offset.raw() != position->second) {
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
  if (forgotten_.contains(at.topic) || !binding) return;
  partition.shown_end = std::max(partition.shown_end, offset.raw() + 1);
  partition.known_end = std::max(partition.known_end, partition.shown_end);
  if (send->second.refused) {
    run_.violation("D4", fmt::format("{} offset {}: {} was refused for good", to_string(at), offset.raw(),
                                     to_string(*id)));
  }
  bind(at, partition, offset, *id, "read");
  check_order(at, partition, offset, *id, send->second);
  if (final_) partition.final_seen.insert(offset.raw());
}

void Ledger::expect_all_seen(const PartitionName& at) {
  for (const auto& [id, send] : partitions_[at].sends) {
    if (send.acknowledged == Acknowledged::no) continue;
    run_.judged("D1");
    if (send.seen_at.empty()) {
      run_.violation("D1", fmt::format("{}: {} was acknowledged and is nowhere", to_string(at), to_string(id)));
    }
  }
}

void Ledger::strike_off(Partition& partition, std::int64_t end) {
  partition.by_offset.erase(partition.by_offset.lower_bound(end), partition.by_offset.end());
  partition.shown_end = std::min(partition.shown_end, end);
  partition.known_end = std::min(partition.known_end, end);
  for (auto& [id, send] : partition.sends) {
    send.after = std::min(send.after, end);
    send.seen_at.erase(send.seen_at.lower_bound(end), send.seen_at.end());
    if (send.offset.raw() < 0 || send.offset.raw() >= end) send.acknowledged = Acknowledged::no;
  }
  for (auto& [producer, order] : partition.order) order.erase(order.lower_bound(end), order.end());
}

void Ledger::crashed(sim::CrashKind kind, const std::map<std::string, net::Offset>& survivors) {
  if (kind == sim::CrashKind::power_loss) ++era_;
  for (auto& [name, partition] : partitions_) {
    const auto survived = survivors.find(to_string(name));
    const std::int64_t end = survived == survivors.end() ? 0 : survived->second.raw();
    if (may_cost(kind, promise_of(name, Acknowledged::leader)))
      partition.by_leader.erase(partition.by_leader.lower_bound(end), partition.by_leader.end());
    if (may_cost(kind, promise_of(name, Acknowledged::all))) strike_off(partition, end);
  }
}

void Ledger::damaged(const PartitionName& at, net::Offset end) {
  Partition& partition = partitions_[at];
  ++era_;
  has_damage_ = true;
  partition.by_leader.erase(partition.by_leader.lower_bound(end.raw()), partition.by_leader.end());
  strike_off(partition, end.raw());
}

void Ledger::deleting(const PartitionName& at, net::Offset before) {
  std::int64_t& bound = partitions_[at].may_be_gone;
  bound = std::max(bound, before.raw());
}

void Ledger::deleted(const PartitionName& at, net::Offset start) {
  Partition& partition = partitions_[at];
  told_start(at, net::Offset{partition.deleted_end}, start);
  partition.deleted_end = std::max(partition.deleted_end, start.raw());
}

net::Offset Ledger::deleted_end(const PartitionName& at) const {
  const auto known = partitions_.find(at);
  return net::Offset{known == partitions_.end() ? 0 : known->second.deleted_end};
}

void Ledger::told_start(const PartitionName& at, net::Offset deleted, net::Offset start) {
  run_.judged("C1");
  if (!may_be_gone(at, start - 1) && start > net::Offset{0}) {
    run_.violation("C1", fmt::format("{} starts at {}, and records were deleted below {} only", to_string(at),
                                     start.raw(), partitions_[at].may_be_gone));
  }
  if (start < deleted) {
    run_.violation("C1", fmt::format("{} starts at {} again, after all below {} was deleted", to_string(at), start.raw(),
                                     deleted.raw()));
  }
}

bool Ledger::may_be_gone(const PartitionName& at, net::Offset offset) const {
  const auto known = partitions_.find(at);
  return known != partitions_.end() && offset.raw() < known->second.may_be_gone;
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
      if (offset < partition.may_be_gone) continue;
      run_.judged("D1");
      if (offset >= read_to || !partition.final_seen.contains(offset)) {
        run_.violation("D1", fmt::format("{} offset {}: {} was shown or acknowledged and is gone (the log ends at {})",
                                         to_string(name), offset, to_string(id), read_to));
      }
    }
    for (const auto& [offset, id] : partition.by_leader) {
      if (offset < partition.may_be_gone) continue;
      run_.judged("D1");
      const auto there = partition.by_offset.find(offset);
      if (there == partition.by_offset.end() || there->second != id) {
        run_.violation("D1", fmt::format("{} offset {}: {} was written for acks=1 and is gone", to_string(name), offset,
                                         to_string(id)));
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
