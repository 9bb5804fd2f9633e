#include "clients/producer/partition_queue.h"

namespace clients::producer {

using core::Reason;
using kernel::Error;
using kernel::Mono;

namespace {

void insert_by_id(std::deque<BatchRef>& batches, const BatchRef& batch) {
  const auto after = std::ranges::find_if(batches, [&](const BatchRef& other) { return other->id > batch->id; });
  batches.insert(after, batch);
}

Error delivery_timeout(const Batch& batch) {
  return kernel::fail(Reason::delivery_timeout, static_cast<std::int64_t>(core::broker_code(batch.last_error))).error();
}

}  // namespace

Delivery given_up(const Batch& batch, const Error& why) {
  Delivery delivery;
  delivery.outcome = batch.may_have_landed ? Delivery::Outcome::unknown : Delivery::Outcome::failed;
  delivery.error = why;
  return delivery;
}

bool PartitionQueue::ready(const Batch& batch, const Urgency& urgency) const {
  return batch.full || urgency.memory_short || batch.id < urgency.flush_below || waiting_.size() > 1 ||
         urgency.now >= kernel::saturating_add(batch.created_at, rules_.linger);
}

BatchRef PartitionQueue::take(const Urgency& urgency, const Identity& fresh, std::vector<Decided>& decided) {
  if (urgency.now < not_before_) return nullptr;
  if (broken_ && in_flight_.empty()) settle(decided);
  if (!again_.empty()) {
    if (!in_flight_.empty()) return nullptr;
    const BatchRef oldest = again_.front();
    again_.pop_front();
    in_flight_.push_back(oldest);
    return oldest;
  }
  if (broken_ || waiting_.empty() || in_flight_.size() >= in_flight_limit()) return nullptr;
  const BatchRef next = waiting_.front();
  if (!ready(*next, urgency)) return nullptr;
  if (rules_.idempotent) {
    if (!identity_.known() || exhausted_) {
      if (!fresh.known() || fresh.id == identity_.id) return nullptr;
      identity_ = fresh;
      established_ = false;
      next_sequence_ = 0;
      exhausted_ = false;
    }
    if (next->base_sequence == net::record::kSequenceNone) {
      next->assign(identity_, next_sequence_);
      next_sequence_ = net::record::sequence_after(next_sequence_, next->records);
    }
  }
  next->full = true;
  waiting_.pop_front();
  in_flight_.push_back(next);
  return next;
}

Mono PartitionQueue::next_time(const Urgency& urgency) const {
  if (!again_.empty()) return in_flight_.empty() ? not_before_ : kernel::kNever;
  if (waiting_.empty() || in_flight_.size() >= in_flight_limit()) return kernel::kNever;
  if (broken_ && !in_flight_.empty()) return kernel::kNever;
  const Batch& next = *waiting_.front();
  if (ready(next, urgency)) return not_before_;
  return std::max(not_before_, kernel::saturating_add(next.created_at, rules_.linger));
}

void PartitionQueue::send_again(const BatchRef& batch) { insert_by_id(again_, batch); }

bool PartitionQueue::is_oldest(const Batch& batch) const {
  const auto older = [&](const BatchRef& other) { return other->id < batch.id; };
  return std::ranges::none_of(in_flight_, older) && std::ranges::none_of(again_, older);
}

void PartitionQueue::give_up_sequence(const Batch& batch) {
  if (!rules_.idempotent || batch.base_sequence == net::record::kSequenceNone) return;
  const bool nothing_followed = in_flight_.empty() && again_.empty();
  if (nothing_followed && !broken_ && !batch.may_have_landed) next_sequence_ = batch.base_sequence;
  else broken_ = true;
}

void PartitionQueue::ended(const BatchRef& batch, const AttemptEnd& end, Mono now, Mono retry_at,
                           std::vector<Decided>& decided) {
  std::erase(in_flight_, batch);
  if (end.result == AttemptResult::accepted || end.result == AttemptResult::duplicate) {
    established_ = true;
    Delivery delivery;
    delivery.offset = end.base_offset;
    delivery.timestamp_ms = end.append_time_ms;
    decided.push_back({batch, delivery});
    return;
  }
  batch->last_error = end.error;
  if (end.made && !certainly_absent(end.result)) batch->may_have_landed = true;
  if (end.result == AttemptResult::sequence_refused && rules_.idempotent) {
    // With an older batch undecided this only says that the older one is missing. Otherwise the broker does not
    // remember what we believe is on the log.
    if (is_oldest(*batch)) {
      broken_ = true;
      if (batch->may_have_landed) {
        decided.push_back({batch, given_up(*batch, end.error)});
        return;
      }
    }
  } else if (end.result == AttemptResult::refused || end.result == AttemptResult::unknown_for_good ||
             end.result == AttemptResult::sequence_refused) {
    decided.push_back({batch, given_up(*batch, end.error)});
    give_up_sequence(*batch);
    return;
  }
  if (now >= batch->deadline || batch->fate->delivery) {
    decided.push_back({batch, given_up(*batch, delivery_timeout(*batch))});
    give_up_sequence(*batch);
    return;
  }
  not_before_ = std::max(not_before_, retry_at);
  send_again(batch);
}

void PartitionQueue::settle(std::vector<Decided>& decided) {
  // The oldest may have landed: its repetition, under the old identity, tells.
  if (!again_.empty() && again_.front()->may_have_landed) return;
  // Those behind a batch that is certainly missing can only be there if the broker forgot us: do not risk it.
  for (auto it = again_.begin(); it != again_.end();) {
    if (!(*it)->may_have_landed) {
      ++it;
      continue;
    }
    decided.push_back({*it, given_up(**it, (*it)->last_error)});
    it = again_.erase(it);
  }
  next_epoch();
  broken_ = false;
  // Renumbered as they leave, in order.
  for (auto it = again_.rbegin(); it != again_.rend(); ++it) {
    (*it)->base_sequence = net::record::kSequenceNone;
    waiting_.push_front(*it);
  }
  again_.clear();
}

void PartitionQueue::next_epoch() {
  next_sequence_ = 0;
  established_ = false;
  if (identity_.epoch.raw() == INT16_MAX) exhausted_ = true;
  else identity_.epoch = net::ProducerEpoch{static_cast<std::int16_t>(identity_.epoch.raw() + 1)};
}

void PartitionQueue::expire(Mono now, std::vector<Decided>& decided) {
  for (const BatchRef& batch : in_flight_) {
    // Its answer is still awaited, for the sake of the sequence, but no longer by the caller.
    if (now < batch->deadline || batch->fate->delivery) continue;
    batch->may_have_landed = true;
    decided.push_back({batch, given_up(*batch, delivery_timeout(*batch))});
  }
  const auto is_late = [&](const BatchRef& batch) { return now >= batch->deadline; };
  while (!again_.empty() && is_late(again_.front())) {
    const BatchRef batch = again_.front();
    again_.pop_front();
    decided.push_back({batch, given_up(*batch, delivery_timeout(*batch))});
    give_up_sequence(*batch);
  }
  while (!waiting_.empty() && is_late(waiting_.front())) {
    decided.push_back({waiting_.front(), given_up(*waiting_.front(), delivery_timeout(*waiting_.front()))});
    waiting_.pop_front();
  }
}

void PartitionQueue::abandon(const Error& why, std::vector<Decided>& decided) {
  for (const BatchRef& batch : in_flight_) {
    batch->may_have_landed = true;
    decided.push_back({batch, given_up(*batch, why)});
  }
  for (const BatchRef& batch : again_) decided.push_back({batch, given_up(*batch, why)});
  for (const BatchRef& batch : waiting_) decided.push_back({batch, given_up(*batch, why)});
  in_flight_.clear();
  again_.clear();
  waiting_.clear();
}

Mono PartitionQueue::earliest_deadline() const {
  Mono earliest = kernel::kNever;
  for (const auto* batches : {&in_flight_, &again_, &waiting_}) {
    for (const BatchRef& batch : *batches) {
      if (batch->fate->delivery) continue;
      earliest = std::min(earliest, batch->deadline);
      break;  // those behind are younger
    }
  }
  return earliest;
}

}  // namespace clients::producer
