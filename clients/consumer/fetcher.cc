// The network's side of a consumer: a housekeeper (starts, leaders, positions after a change of leader) and one
// fetching fiber for each broker that leads something.
#include "clients/consumer/state.h"
#include "net/messages/offset_for_leader_epoch.h"

namespace clients::consumer {

using core::PartitionInfo;
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
using net::Offset;

namespace {

using namespace std::chrono_literals;

/// How often leaderless partitions make the housekeeper look.
constexpr Duration kLeaderCheck = 100ms;
/// The last version of Fetch that names topics.
constexpr std::int16_t kFetchByNameLast = 12;

}  // namespace

void Consumer::State::retry_later(Partition& partition, Mono now) {
  core::Backoff backoff{cluster->config().retry_backoff, cluster->config().retry_backoff_max};
  Duration wait{0};
  partition.failures = std::min(partition.failures + 1, 8);
  for (int i = 0; i < partition.failures; ++i) wait = backoff.next(random);
  partition.not_before = kernel::saturating_add(now, wait);
}

void Consumer::State::halt(Partition& partition, const Error& why) {
  partition.halted = why;
  partition.halt_reported = false;
  arrived.notify_all();
}

bool Consumer::State::must_check_epoch(const TopicPartition& key, const Partition& partition) const {
  const PartitionInfo* info = cluster->metadata().partition(key);
  return info != nullptr && partition.position && partition.read_epoch != net::kLeaderEpochNone &&
         partition.agreed_epoch != net::kLeaderEpochNone && info->leader_epoch > partition.agreed_epoch;
}

void Consumer::State::keep_house(Fiber& f) {
  while (!crew.stopped()) {
    bool leaderless = false;
    for (auto& [key, partition] : partitions) {
      const BrokerId leader = cluster->metadata().leader(key);
      leaderless |= leader == net::kBrokerIdNone && !partition.halted;
      if (leader == net::kBrokerIdNone) continue;
      auto& session = sessions[leader];
      if (session) continue;
      session = std::make_unique<FetchSession>();
      FetchSession& at = *session;  // sessions are never removed
      crew.spawn("consumer-fetcher", shared_from_this(), [this, leader, &at](Fiber& s) { fetch_from(s, leader, at); });
    }
    const bool tried = settle_positions(f);
    if (f.cancelled()) return;
    if (tried) {
      work.notify_all();
      continue;  // what was seen before is only a memory
    }
    Mono next = kernel::kNever;
    if (leaderless) {
      cluster->want_refresh();
      next = kernel::saturating_add(f.now(), kLeaderCheck);
    }
    for (const auto& [key, partition] : partitions) {
      const bool unsettled = !partition.halted && (!partition.position || must_check_epoch(key, partition));
      if (unsettled && cluster->metadata().leader(key) != net::kBrokerIdNone)
        next = std::min(next, std::max(partition.not_before, f.now()));
    }
    const auto within = f.deadline_at(next);
    kernel::WaitAny some{f};
    some.add(work);
    some.add(cluster->metadata_changed());
    if (const auto woken = some.wait(); !woken && woken.error().is(Errc::cancelled)) return;
  }
}

bool Consumer::State::settle_positions(Fiber& f) {
  std::map<BrokerId, OffsetQuery> starts;
  std::map<BrokerId, std::vector<TopicPartition>> epochs;
  for (const auto& [key, partition] : partitions) {
    const BrokerId leader = cluster->metadata().leader(key);
    if (leader == net::kBrokerIdNone || partition.halted || f.now() < partition.not_before) continue;
    if (!partition.position) starts[leader].emplace(key, partition.start);
    else if (must_check_epoch(key, partition)) epochs[leader].push_back(key);
  }
  for (const auto& [leader, query] : starts) look_up(f, leader, query);
  for (const auto& [leader, keys] : epochs) check_epochs(f, leader, keys);
  return !starts.empty() || !epochs.empty();
}

void Consumer::State::look_up(Fiber& f, BrokerId leader, const OffsetQuery& query) {
  std::map<TopicPartition, std::uint64_t> generations;
  for (const auto& [key, start] : query) generations[key] = partitions.at(key).generation;
  const auto answers = list_offsets_at(f, *cluster, leader, query, config.isolation);
  const Mono now = f.now();
  if (!answers) cluster->want_refresh();
  for (const auto& [key, start] : query) {
    const auto found = partitions.find(key);
    if (found == partitions.end() || found->second.generation != generations[key]) continue;
    Partition& partition = found->second;
    const auto answer = answers ? answers->at(key) : Result<FoundOffset>{std::unexpected(answers.error())};
    if (answer && answer->offset.raw() >= 0) {
      partition.position = answer->offset;
      partition.fetch_next = answer->offset;
      partition.failures = 0;
    } else if (answer) {
      partition.start = End{};  // nothing is that young: begin with what comes
    } else {
      const ErrorCode code = core::broker_code(answer.error());
      if (code != ErrorCode::none) take_error(key, partition, code, now);
      else retry_later(partition, now);
    }
  }
}

void Consumer::State::check_epochs(Fiber& f, BrokerId leader, const std::vector<TopicPartition>& keys) {
  struct Asked {
    std::uint64_t generation;
    net::LeaderEpoch current;
  };
  std::map<TopicPartition, Asked> asked;
  net::Arena arena;
  net::OffsetForLeaderEpochRequest request;
  request.replica_id = net::kBrokerIdNone;
  for (const TopicPartition& key : keys) {
    const Partition& partition = partitions.at(key);
    const PartitionInfo* info = cluster->metadata().partition(key);
    asked[key] = {partition.generation, info->leader_epoch};
    if (request.topics.empty() || request.topics.back().topic != key.topic) {
      net::OffsetForLeaderEpochRequest::OffsetForLeaderTopic topic;
      topic.topic = key.topic;
      arena.push_back(request.topics, topic);
    }
    net::OffsetForLeaderEpochRequest::OffsetForLeaderPartition one;
    one.partition = key.partition;
    one.current_leader_epoch = info->leader_epoch;
    one.leader_epoch = partition.read_epoch;
    arena.push_back(request.topics.back().partitions, one);
  }
  const auto answer = cluster->request(f, leader, request, {.versions = {.first = 3}});
  const Mono now = f.now();
  const auto current = [&](const TopicPartition& key) -> Partition* {
    const auto found = partitions.find(key);
    const auto was = asked.find(key);
    const bool same = found != partitions.end() && was != asked.end() &&
                      found->second.generation == was->second.generation && found->second.position;
    return same ? &found->second : nullptr;
  };
  if (!answer) {
    cluster->want_refresh();
    for (const TopicPartition& key : keys) {
      Partition* partition = current(key);
      if (partition == nullptr) continue;
      // A broker without this API cannot tell us: go on as clients did before KIP-320.
      if (answer.error().is(Reason::unsupported_version)) partition->agreed_epoch = asked[key].current;
      else retry_later(*partition, now);
    }
    return;
  }
  for (const auto& topic : (*answer)->topics) {
    for (const auto& one : topic.partitions) {
      const TopicPartition key{std::string{topic.topic}, one.partition};
      Partition* partition = current(key);
      if (partition == nullptr) continue;
      if (one.error_code != ErrorCode::none) {
        take_error(key, *partition, one.error_code, now);
        continue;
      }
      partition->agreed_epoch = asked[key].current;
      if (one.end_offset.raw() < 0 || one.end_offset >= *partition->position) {
        // What was fetched ahead may be gone all the same.
        drop_buffered(*partition);
        partition->fetch_next = *partition->position;
        partition->generation = next_generation++;
        continue;
      }
      if (config.offset_reset == OffsetReset::none) {
        halt(*partition, fail(Reason::log_truncated, one.end_offset.raw()).error());
        drop_buffered(*partition);
      } else {
        place(key, *partition, one.end_offset);
      }
    }
  }
}

WantedMap Consumer::State::wanted_of(BrokerId broker, Mono now, Mono& next) {
  WantedMap wanted;
  if (stats.buffered_bytes >= config.prefetch_bytes) return wanted;
  for (auto& [key, partition] : partitions) {
    if (partition.paused || partition.halted || !partition.position) continue;
    if (cluster->metadata().leader(key) != broker || must_check_epoch(key, partition)) continue;
    if (partition.buffered_bytes * 2 > static_cast<std::size_t>(partition.fetch_bytes)) continue;
    if (partition.not_before > now) {
      next = std::min(next, partition.not_before);
      continue;
    }
    const core::TopicInfo* topic = cluster->metadata().topic(key.topic);
    const PartitionInfo* info = topic->find(key.partition);
    if (partition.agreed_epoch == net::kLeaderEpochNone) partition.agreed_epoch = info->leader_epoch;
    wanted[key] = {topic->id, partition.fetch_next, info->leader_epoch, partition.fetch_bytes};
  }
  return wanted;
}

void Consumer::State::fetch_from(Fiber& f, BrokerId broker, FetchSession& session) {
  while (!crew.stopped()) {
    Mono next = kernel::kNever;
    const WantedMap wanted = wanted_of(broker, f.now(), next);
    if (wanted.empty()) {
      const auto within = f.deadline_at(next);
      kernel::WaitAny some{f};
      some.add(work);
      some.add(cluster->metadata_changed());
      if (const auto woken = some.wait(); !woken && woken.error().is(Errc::cancelled)) return;
      continue;
    }
    const auto fetched = fetch_once(f, broker, session, wanted);
    if (fetched) continue;
    if (f.cancelled() || fetched.error().is(Reason::closed)) return;
    session.broken();
    for (const auto& [key, want] : wanted) {
      const auto found = partitions.find(key);
      if (found != partitions.end()) retry_later(found->second, f.now());
    }
    cluster->want_refresh();
  }
}

Result<> Consumer::State::fetch_once(Fiber& f, BrokerId broker, FetchSession& session, const WantedMap& wanted) {
  const auto connection = TRY(cluster->connection(f, broker, lane));
  net::Arena arena;
  net::FetchRequest request;
  request.max_wait_ms =
      static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(config.fetch_wait_max).count());
  request.min_bytes = config.fetch_bytes_min;
  request.max_bytes = config.fetch_bytes_max;
  request.isolation_level = static_cast<std::int8_t>(config.isolation);
  core::VersionCap cap;
  for (const auto& [key, want] : wanted) {
    if (want.topic_id.raw().is_zero()) cap.last = kFetchByNameLast;
  }
  session.fill(request, arena, wanted);
  const std::uint64_t asked_at = next_generation;
  ++stats.fetches;
  core::Exchange exchange = TRY(connection->start(f, request, cap));
  const auto answer =
      TRY(exchange.await<net::FetchResponse>(f, cluster->config().request_timeout + config.fetch_wait_max));
  if (!session.answered(answer.message)) {
    ++stats.sessions_lost;
    const ErrorCode code = answer->error_code;
    const bool about_session = code == ErrorCode::fetch_session_id_not_found ||
                               code == ErrorCode::invalid_fetch_session_epoch ||
                               code == ErrorCode::fetch_session_topic_id_error;
    if (!about_session) return core::fail_code(code);
    return {};
  }
  const Mono now = f.now();
  stats.fetched_bytes += answer.frame.size();
  for (const auto& node : answer->node_endpoints)
    cluster->learn_broker(node.node_id, {std::string{node.host}, static_cast<std::uint16_t>(node.port)});
  for (const auto& topic : answer->responses) {
    std::string name{topic.topic};
    if (answer.version > kFetchByNameLast) {
      const auto known = std::ranges::find_if(wanted, [&](const auto& w) { return w.second.topic_id == topic.topic_id; });
      if (known == wanted.end()) continue;
      name = known->first.topic;
    }
    for (const auto& data : topic.partitions)
      take_partition(answer, {name, data.partition_index}, data, wanted, asked_at, now);
  }
  arrived.notify_all();
  if (answer->throttle_time_ms > 0) TRY(f.sleep(std::chrono::milliseconds{answer->throttle_time_ms}));
  return {};
}

void Consumer::State::take_partition(const core::Answer<net::FetchResponse>& answer, const TopicPartition& key,
                                     const net::FetchResponse::PartitionData& data, const WantedMap& wanted,
                                     std::uint64_t asked_at, Mono now) {
  const auto found = partitions.find(key);
  const auto want = wanted.find(key);
  if (found == partitions.end() || want == wanted.end()) return;
  Partition& partition = found->second;
  // Sought elsewhere, or assigned anew, while the fetch was under way.
  if (partition.generation >= asked_at || partition.halted || partition.fetch_next != want->second.offset) return;
  if (data.current_leader.leader_id != net::kBrokerIdNone)
    cluster->learn_leader(key, data.current_leader.leader_id, data.current_leader.leader_epoch);
  if (data.error_code != ErrorCode::none) {
    take_error(key, partition, data.error_code, now);
    return;
  }
  partition.failures = 0;
  partition.high_watermark = data.high_watermark;
  if (data.records.is_null() || data.records.size_bytes() == 0) return;
  FetchedRun run =
      read_fetched(answer.frame, data.records.bytes(), partition.fetch_next, data.aborted_transactions, config);
  if (run.cut_short)
    partition.fetch_bytes = static_cast<std::int32_t>(std::min<std::int64_t>(2LL * partition.fetch_bytes, config.fetch_bytes_max));
  if (run.batches.empty()) {
    if (partition.buffered.empty()) partition.position = run.next_offset;
    else partition.buffered.back().next_offset = run.next_offset;
  } else {
    partition.read_epoch = run.batches.back().header.leader_epoch;
  }
  partition.fetch_next = run.next_offset;
  partition.buffered_bytes += run.bytes;
  stats.buffered_bytes += run.bytes;
  for (FetchedBatch& batch : run.batches) partition.buffered.push_back(std::move(batch));
  if (run.error) halt(partition, *run.error);
}

void Consumer::State::take_error(const TopicPartition& key, Partition& partition, ErrorCode code, Mono now) {
  if (code == ErrorCode::offset_out_of_range) {
    // What was fetched before is still good; where to go on is decided when it is handed out.
    if (!partition.buffered.empty()) {
      retry_later(partition, now);
    } else if (config.offset_reset == OffsetReset::none) {
      halt(partition, core::fail_code(code).error());
    } else {
      place(key, partition, config.offset_reset == OffsetReset::earliest ? Start{Beginning{}} : Start{End{}});
    }
    return;
  }
  const net::ErrorFacts& facts = net::facts(code);
  if (facts.remedy == net::ErrorRemedy::refresh_metadata) cluster->want_refresh();
  const bool for_good = !facts.retriable && facts.remedy != net::ErrorRemedy::refresh_metadata &&
                        code != ErrorCode::unknown_server_error;
  // The broker could not read its own log: asking again would be answered the same.
  if (for_good || code == ErrorCode::corrupt_message) halt(partition, core::fail_code(code).error());
  else retry_later(partition, now);
}

}  // namespace clients::consumer
