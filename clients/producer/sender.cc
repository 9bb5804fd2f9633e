// The network's side of a producer: a housekeeper (identity, expiry, leaders), and for each broker a fiber that sends
// and one that takes answers in order.
#include "clients/producer/state.h"
#include "kernel/node.h"
#include "net/messages/init_producer_id.h"

namespace clients::producer {

using core::Reason;
using kernel::Duration;
using kernel::Errc;
using kernel::Error;
using kernel::fail;
using kernel::Fiber;
using kernel::Mono;
using kernel::Result;
using net::BrokerId;
using net::ErrorCode;

namespace {

using namespace std::chrono_literals;

/// Compressing more than this at once would hold up the shard's other fibers.
constexpr std::size_t kInlineCompressionBytesMax = 32 * 1024;
/// How often leaderless batches make the housekeeper look.
constexpr Duration kLeaderCheck = 100ms;

PartitionQueue::AttemptEnd not_made(const Error& error) {
  return {.result = AttemptResult::refused_for_now, .error = error, .made = false};
}

Refusal refusal_in(const net::ProduceResponse::PartitionProduceResponse& answer) {
  Refusal refusal;
  if (answer.error_code == ErrorCode::none) return refusal;
  refusal.message = answer.error_message.value_or("");
  for (const auto& one : answer.record_errors)
    refusal.records.push_back({one.batch_index, std::string{one.batch_index_error_message.value_or("")}});
  return refusal;
}

}  // namespace

void Producer::State::keep_house(Fiber& f) {
  while (!crew.stopped()) {
    std::vector<Decided> decided;
    bool leaderless = false;
    bool needs_identity = false;
    Mono next = kernel::kNever;
    for (auto& [key, queue] : queues) {
      queue.expire(f.now(), decided);
      if (queue.empty()) continue;
      next = std::min(next, queue.earliest_deadline());
      if (!queue.has_work()) continue;
      needs_identity |= config.idempotence && (!identity.known() || queue.identity_exhausted());
      if (queue.identity_exhausted() && queue.identity().id == identity.id) identity = {};
      const BrokerId leader = cluster->metadata().leader(key);
      if (leader == net::kBrokerIdNone) {
        leaderless = true;
        continue;
      }
      auto& sender = senders[leader];
      if (sender) continue;
      sender = std::make_unique<Sender>(config.in_flight_max);
      Sender& at = *sender;  // senders are never removed
      crew.spawn("producer-sender", shared_from_this(), [this, leader, &at](Fiber& s) { send_to(s, leader, at); });
      crew.spawn("producer-answers", shared_from_this(), [this, &at](Fiber& a) { await_answers(a, at); });
    }
    publish(decided);
    if (needs_identity && !identity.known()) {
      if (const auto got = get_identity(f); !got && got.error().is(Errc::cancelled)) break;
      continue;
    }
    if (leaderless) {
      cluster->want_refresh();
      next = std::min(next, kernel::saturating_add(f.now(), kLeaderCheck));
    }
    const auto within = f.deadline_at(next);
    kernel::WaitAny some{f};
    some.add(work);
    some.add(cluster->metadata_changed());
    if (const auto woken = some.wait(); !woken && woken.error().is(Errc::cancelled)) break;
  }
}

Result<> Producer::State::get_identity(Fiber& f) {
  net::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = INT32_MAX;
  core::Backoff backoff{cluster->config().retry_backoff, cluster->config().retry_backoff_max};
  while (!crew.stopped()) {
    const auto answer = cluster->request_any(f, request);
    Error problem;
    if (answer) {
      const ErrorCode code = (*answer)->error_code;
      if (code == ErrorCode::none) {
        identity = {(*answer)->producer_id, (*answer)->producer_epoch};
        work.notify_all();
        return {};
      }
      problem = core::fail_code(code).error();
    } else {
      problem = answer.error();
    }
    if (problem.is(Errc::cancelled) || problem.is(Reason::closed)) return std::unexpected(problem);
    const ErrorCode code = core::broker_code(problem);
    const bool for_good = problem.is(Reason::unsupported_version) ||
                          (code != ErrorCode::none && !net::facts(code).retriable);
    if (for_good) {
      refused = problem;
      give_up_all(problem);
      return std::unexpected(problem);
    }
    std::vector<Decided> decided;
    for (auto& [key, queue] : queues) queue.expire(f.now(), decided);
    publish(decided);
    TRY(f.sleep(backoff.next(random)));
  }
  return fail(Reason::closed);
}

void Producer::State::send_to(Fiber& f, BrokerId broker, Sender& sender) {
  while (!crew.stopped()) {
    if (f.now() < sender.muted_until && !f.sleep_until(sender.muted_until)) return;
    auto slot = sender.slots.acquire(f, 1);
    if (!slot) return;
    Flight flight;
    flight.broker = broker;
    flight.batches = collect(broker, sender, f.now());
    if (flight.batches.empty()) {
      slot->give_back(1);
      const auto within = f.deadline_at(next_time(broker, f.now()));
      kernel::WaitAny some{f};
      some.add(work);
      some.add(cluster->metadata_changed());
      if (const auto woken = some.wait(); !woken && woken.error().is(Errc::cancelled)) return;
      continue;
    }
    if (!dispatch(f, sender, std::move(flight), std::move(*slot)) && f.cancelled()) return;
  }
}

std::vector<std::pair<Producer::State::Key, BatchRef>> Producer::State::collect(BrokerId broker, Sender& sender,
                                                                                Mono now) {
  std::vector<std::pair<Key, BatchRef>> batches;
  std::vector<Decided> decided;
  std::size_t bytes = 0;
  // From behind the partition served last, so that a request that is full does not starve the others.
  const auto start = queues.upper_bound(sender.served_last);
  auto at = start;
  for (std::size_t i = 0; i < queues.size() && bytes < config.request_bytes_max; ++i, ++at) {
    if (at == queues.end()) at = queues.begin();
    auto& [key, queue] = *at;
    if (!queue.has_work() || cluster->metadata().leader(key) != broker) continue;
    const BatchRef batch = queue.take(urgency(now), identity, decided);
    if (!batch) continue;
    bytes += batch->size_bytes();
    sender.served_last = key;
    batches.emplace_back(key, batch);
  }
  publish(decided);
  return batches;
}

Mono Producer::State::next_time(BrokerId broker, Mono now) {
  Mono next = kernel::kNever;
  for (const auto& [key, queue] : queues) {
    if (!queue.has_work() || cluster->metadata().leader(key) != broker) continue;
    if (config.idempotence && !identity.known() && !queue.identity().known()) continue;
    next = std::min(next, queue.next_time(urgency(now)));
  }
  // What is ready but was not taken waits for an event, which notifies.
  return next <= now ? kernel::saturating_add(now, kLeaderCheck) : next;
}

Result<> Producer::State::dispatch(Fiber& f, Sender& sender, Flight flight, kernel::Semaphore::Units slot) {
  for (auto& [key, batch] : flight.batches) {
    if (config.compression != net::compress::Codec::none && batch->size_bytes() > kInlineCompressionBytesMax)
      kernel::offload(f, [&batch] { batch->encode(); return 0; });
    else batch->encode();
  }
  const auto connection = cluster->connection(f, flight.broker, lane);
  if (!connection) {
    end_all(flight, not_made(connection.error()), f.now());
    cluster->want_refresh();
    return std::unexpected(connection.error());
  }

  net::Arena arena;
  net::ProduceRequest request;
  request.acks = static_cast<std::int16_t>(config.acks);
  request.timeout_ms =
      static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(cluster->config().request_timeout).count());
  std::vector<kernel::Buffer> payloads;
  core::VersionCap cap;
  const std::string* topic_name = nullptr;
  for (const auto& [key, batch] : flight.batches) {
    const core::TopicInfo* topic = cluster->metadata().topic(key.topic);
    const net::TopicId id = topic == nullptr ? net::TopicId{} : topic->id;
    if (id.raw().is_zero()) cap.last = 12;  // the last version that names topics
    if (topic_name == nullptr || *topic_name != key.topic) {
      net::ProduceRequest::TopicProduceData data;
      data.name = key.topic;
      data.topic_id = id;
      arena.push_back(request.topic_data, data);
      topic_name = &key.topic;
    }
    net::ProduceRequest::PartitionProduceData data;
    data.index = key.partition;
    data.records = net::Records::external(batch->bytes.size(), static_cast<std::uint32_t>(payloads.size()));
    payloads.push_back(batch->bytes);
    arena.push_back(request.topic_data.back().partition_data, data);
    Attempt attempt{next_attempt_id++, batch->id, key, id, flight.broker, batch->identity.id, batch->identity.epoch,
                    batch->base_sequence, batch->records};
    ++stats.batches_sent;
    if (batch->attempts++ > 0) ++stats.batches_resent;
    stats.bytes_sent += batch->bytes.size();
    if (config.observer != nullptr) config.observer->attempt_started(attempt);
    flight.attempts.push_back(std::move(attempt));
  }

  const bool answered = config.acks != Acks::none;
  auto exchange = (*connection)->start(f, request, cap, payloads, answered);
  if (!exchange) {
    const Error& error = exchange.error();
    if (error.is(Reason::not_sent)) end_all(flight, not_made(error), f.now());
    else if (core::outcome_unknown(error)) end_all(flight, {.result = AttemptResult::unknown, .error = error}, f.now());
    else end_all(flight, {.result = AttemptResult::refused, .error = error, .made = false}, f.now());
    cluster->want_refresh();
    return std::unexpected(error);
  }
  if (!answered) {
    end_all(flight, {.result = AttemptResult::accepted}, f.now());
    return {};
  }
  flight.exchange = std::move(*exchange);
  // Never full: there are as many places as slots.
  return sender.flights.send(f, {std::move(flight), std::move(slot)});
}

void Producer::State::await_answers(Fiber& f, Sender& sender) {
  while (auto next = sender.flights.receive(f)) {
    auto& [flight, slot] = *next;
    const auto answer = flight.exchange->await<net::ProduceResponse>(f, cluster->config().request_timeout);
    if (answer) {
      take_answer(f, sender, flight, *answer);
    } else {
      end_all(flight, {.result = AttemptResult::unknown, .error = answer.error()}, f.now());
      cluster->want_refresh();
    }
  }
}

void Producer::State::take_answer(Fiber& f, Sender& sender, const Flight& flight,
                                  const core::Answer<net::ProduceResponse>& answer) {
  const Mono now = f.now();
  bool stale = false;
  std::vector<bool> answered(flight.batches.size());
  for (const auto& node : answer->node_endpoints)
    cluster->learn_broker(node.node_id, {std::string{node.host}, static_cast<std::uint16_t>(node.port)});
  for (const auto& topic : answer->responses) {
    for (const auto& partition : topic.partition_responses) {
      std::size_t i = 0;
      for (; i < flight.attempts.size(); ++i) {
        const Attempt& attempt = flight.attempts[i];
        const bool same_topic = answer.version >= 13 ? attempt.topic_id == topic.topic_id : attempt.at.topic == topic.name;
        if (same_topic && attempt.at.partition == partition.index && !answered[i]) break;
      }
      if (i == flight.attempts.size()) continue;
      answered[i] = true;
      const ErrorCode code = partition.error_code;
      const AttemptResult result = meaning_of(code);
      PartitionQueue::AttemptEnd end{result, {}, partition.base_offset, partition.log_append_time_ms};
      if (code != ErrorCode::none) end.error = core::fail_code(code).error();
      flight.batches[i].second->fate->refusal = refusal_in(partition);
      stale |= net::facts(code).remedy == net::ErrorRemedy::refresh_metadata;
      if (partition.current_leader.leader_id != net::kBrokerIdNone)
        cluster->learn_leader(flight.attempts[i].at, partition.current_leader.leader_id,
                              partition.current_leader.leader_epoch);
      end_attempt(flight, i, end, now);
    }
  }
  for (std::size_t i = 0; i < answered.size(); ++i) {
    if (!answered[i]) end_attempt(flight, i, {.error = fail(Reason::malformed_answer).error()}, now);
  }
  if (stale) cluster->want_refresh();
  if (answer->throttle_time_ms > 0)
    sender.muted_until = kernel::saturating_add(now, std::chrono::milliseconds{answer->throttle_time_ms});
}

void Producer::State::end_attempt(const Flight& flight, std::size_t index, const PartitionQueue::AttemptEnd& end,
                                  Mono now) {
  const auto& [key, batch] = flight.batches[index];
  if (config.observer != nullptr && index < flight.attempts.size()) {
    config.observer->attempt_ended(flight.attempts[index], end.made ? end.result : AttemptResult::refused_for_now,
                                   core::broker_code(end.error), end.base_offset);
  }
  core::Backoff backoff{cluster->config().retry_backoff, cluster->config().retry_backoff_max};
  Duration wait{0};
  for (int i = 0; i < std::max(1, batch->attempts) && i < 8; ++i) wait = backoff.next(random);
  std::vector<Decided> decided;
  queue(key).ended(batch, end, now, kernel::saturating_add(now, wait), decided);
  publish(decided);
  work.notify_all();
}

void Producer::State::end_all(const Flight& flight, const PartitionQueue::AttemptEnd& end, Mono now) {
  for (std::size_t i = 0; i < flight.batches.size(); ++i) end_attempt(flight, i, end, now);
}

}  // namespace clients::producer
