// Produce v3-13. v7: zstd. v8: record errors. v9: flexible. v10: leader hints. v13: topic ids only.
//
// In order, on the connection's fiber: judge every batch and hand it to its log, which gives out the offsets. Then, on a
// fiber of its own so that the next request can start: wait until each is as safe as acks asks, and answer.
#include <deque>

#include <fmt/format.h>

#include "broker/coordinators/placement.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/remote_append.h"
#include "broker/handlers/validate_batch.h"
#include "broker/handlers/wire_code.h"
#include "kernel/bug.h"
#include "net/messages/produce.h"
#include "net/record/reason.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::ErrorCode;
using net::ProduceRequest;
using net::ProduceResponse;
using replication::Acks;
using ProduceAnswer = ProduceResponse::PartitionProduceResponse;

struct Local {
  ProduceAnswer* answer;
  std::shared_ptr<replication::Partition> partition;
  log::Appended appended;
};
struct Remote {
  ProduceAnswer* answer;
  RemoteAppend append;
};

/// One request between its two halves.
struct Produce {
  explicit Produce(Call&& call) : call{std::move(call)} {}
  Call call;
  Acks acks = Acks::all;
  ProduceResponse response;
  std::vector<Local> local;
  std::deque<Remote> remote;  // messages do not move
  bool any_error = false;
  kernel::Mutex::Lock turn;           ///< of BrokerShard::long_batches, while batches are judged
  kernel::Semaphore::Units packed;    ///< of BrokerShard::packed_memory, until what was packed anew is written
  std::size_t packed_bytes = 0;       ///< of batches that were packed anew
};

void refuse(Produce& produce, ProduceAnswer& answer, ErrorCode code, std::string_view message) {
  produce.any_error = true;
  produce.call.shard.metrics.produce_refused_total.add();
  answer.error_code = code;
  answer.base_offset = net::Offset{-1};
  answer.log_start_offset = net::Offset{-1};
  if (!message.empty()) answer.error_message = produce.call.arena->copy(message);
}

ErrorCode code_of(ProduceReason reason) {
  switch (reason) {
    case ProduceReason::no_batch:
    case ProduceReason::more_than_one_batch: return ErrorCode::invalid_record;
    case ProduceReason::too_large: return ErrorCode::message_too_large;
    case ProduceReason::codec_needs_newer_produce: return ErrorCode::unsupported_compression_type;
    case ProduceReason::transactional: return ErrorCode::invalid_txn_state;
    case ProduceReason::takes_long: break;  // asked of a slice only
  }
  std::unreachable();
}
std::string_view message_of(ProduceReason reason) {
  switch (reason) {
    case ProduceReason::no_batch: return "a partition needs exactly one record batch, there is none";
    case ProduceReason::more_than_one_batch: return "a partition needs exactly one record batch, there are more bytes";
    case ProduceReason::too_large: return "the batch is larger than max.message.bytes of the topic";
    case ProduceReason::codec_needs_newer_produce: return "zstd needs Produce version 7 or later";
    case ProduceReason::transactional: return "no transaction of this producer is open on the partition";
    case ProduceReason::takes_long: break;
  }
  std::unreachable();
}

bool names_one_record(const kernel::Error& error) {
  using net::record::Reason;
  return error.is(Reason::bad_record) || error.is(Reason::offset_gap) || error.is(Reason::key_missing) ||
         error.is(Reason::timestamp_out_of_range);
}

/// For whoever wrote the record: error.detail is its place in the batch where one is to blame.
std::string message_of(const kernel::Error& error) {
  using net::record::Reason;
  if (error.is(Reason::key_missing)) return fmt::format("record {} of the batch has no key, which a compacted topic needs", error.detail);
  if (error.is(Reason::timestamp_out_of_range))
    return fmt::format("record {} of the batch has a time that message.timestamp.before.max.ms or "
                       "message.timestamp.after.max.ms of the topic rules out", error.detail);
  return wire_message(error);
}

void refuse(Produce& produce, ProduceAnswer& answer, const kernel::Error& error) {
  if (error.room == kernel::Room::broker && error.value >= 0x500 && error.value < 0x600) {
    const auto reason = error.as<ProduceReason>();
    return refuse(produce, answer, code_of(reason), message_of(reason));
  }
  refuse(produce, answer, wire_code(error), message_of(error));
  if (!names_one_record(error)) return;
  answer.record_errors = produce.call.arena->list<ProduceResponse::BatchIndexAndErrorMessage>(1);
  answer.record_errors[0].batch_index = static_cast<std::int32_t>(error.detail);
  answer.record_errors[0].batch_index_error_message = answer.error_message;
}

/// A worker judges the batch, alone on the node where it asks for much memory to be unpacked. Suspends.
kernel::Result<kernel::Buffer> judge_at_length(Fiber& f, Call& call, const kernel::Buffer& records, const BatchRules& rules) {
  f.node().mark("broker.produce.batch_offloaded");
  const auto work = [&](Fiber& at) { return kernel::offload(at, [&] { return validate_batch(records, rules); }); };
  if (memory_to_unpack(records) <= kUnpackingOfAShardBytesMax) return work(f);
  f.node().mark("broker.produce.huge_batch");
  BrokerShard& first = *call.broker().shards().front();
  return kernel::call_on(f, first.shard(), [&](Fiber& there) -> kernel::Result<kernel::Buffer> {
    const auto turn = TRY(first.huge_batches.lock(there));
    return work(there);
  });
}

/// A request takes its turn once, for all of its batches.
kernel::Result<> take_turn(Fiber& f, Produce& produce) {
  if (produce.turn.count() == 0) produce.turn = TRY(produce.call.shard.long_batches.lock(f));
  return {};
}

/// Charges a batch that was packed anew, after the fact: one of a shard at a time is not charged yet. Waits until
/// those of other requests are written; what is more than all there is goes uncharged.
kernel::Result<> charge(Fiber& f, Produce& produce, std::size_t bytes) {
  CHECK(produce.turn.count() == 1);
  kernel::Semaphore& memory = produce.call.shard.packed_memory;
  const auto wanted = std::min(static_cast<std::int64_t>(bytes), memory.total() - produce.packed.count());
  if (memory.available() < wanted) f.node().mark("broker.produce.packed_memory_waited");
  produce.packed.merge(TRY(memory.acquire(f, wanted)));
  produce.packed_bytes += bytes;
  return {};
}

/// The batch as the log takes it. Suspends when that is more work than the shard's other clients can wait for, or makes
/// another batch of it: one request of a shard at a time does so, for the memory, and since workers are for files first.
/// What comes behind on this connection waits.
kernel::Result<kernel::Buffer> judge(Fiber& f, Produce& produce, const kernel::Buffer& records, const config::TopicConfig& topic) {
  Call& call = produce.call;
  BatchRules rules{.produce_version = call.version(), .topic = &topic, .now_ms = kernel::ms_of(f.wall()), .work = Work::of_a_slice};
  const bool is_packed_anew = packs_anew(records, topic);
  if (!is_packed_anew) {
    auto batch = validate_batch(records, rules);
    if (batch || !batch.error().is(ProduceReason::takes_long)) return batch;
  }
  const config::TopicConfig kept = topic;  // that of the shard may change while this waits
  rules.topic = &kept;
  TRY(take_turn(f, produce));
  // All that a request is packed into is held to what a request may be.
  const std::size_t packed_bytes_max = call.shard.config().request_bytes_max;
  if (produce.packed_bytes > 0) rules.packed_bytes_max = packed_bytes_max - std::min(packed_bytes_max, produce.packed_bytes);
  auto batch = is_packed_anew ? validate_batch(records, rules) : kernel::fail(ProduceReason::takes_long);
  if (!batch && batch.error().is(ProduceReason::takes_long)) {
    rules.work = Work::any;
    batch = judge_at_length(f, call, records, rules);
  }
  if (batch && is_packed_anew) TRY(charge(f, produce, batch->size()));
  return batch;
}

void take(Fiber& f, Produce& produce, const metadata::Topic& topic, const ProduceRequest::PartitionProduceData& data,
          ProduceAnswer& answer, kernel::Mono deadline) {
  Call& call = produce.call;
  const auto index = static_cast<std::size_t>(data.index.raw());
  if (data.index.raw() < 0 || index >= topic.partitions.size()) {
    return refuse(produce, answer, ErrorCode::unknown_topic_or_partition, "no such partition");
  }
  // What coordinators know of themselves is theirs to write; Kafka lets its admin client do it.
  if (coordinators::is_internal_topic(topic.name) && call.header.client_id != "__admin_client") {
    return refuse(produce, answer, ErrorCode::invalid_topic_exception, "internal topics are written by the broker");
  }
  const config::TopicConfig& rules = call.shard.topic_config(topic);
  const bool stamps = rules.timestamp_type == config::TimestampType::log_append_time;
  const kernel::ByteView bytes = data.records.is_null() ? kernel::ByteView{} : data.records.bytes();
  const kernel::Buffer records =
      bytes.empty() ? kernel::Buffer{}
                    : call.request.frame.slice(static_cast<std::size_t>(bytes.data() - call.request.frame.data()),
                                               bytes.size());
  auto batch = judge(f, produce, records, rules);
  if (!batch) return refuse(produce, answer, batch.error());
  call.shard.metrics.produce_batches_total.add();
  call.shard.metrics.produce_bytes_total.add(static_cast<std::int64_t>(batch->size()));
  std::optional<std::int64_t> append_time_ms;
  if (stamps) append_time_ms = kernel::ms_of(f.wall());

  const PartitionKey key{topic.id, data.index};
  BrokerShard& home = call.broker().home_of(key);
  if (&home != &call.shard) {
    Remote& remote = produce.remote.emplace_back(
        &answer, RemoteAppend{call.shard, home, key, std::move(*batch), produce.acks, append_time_ms});
    remote.append.post(deadline);
    return;
  }
  Hosted* hosted = call.shard.find(key);
  if (hosted == nullptr) return refuse(produce, answer, ErrorCode::not_leader_or_follower, "not hosted here");
  if (hosted->partition == nullptr) return refuse(produce, answer, hosted->why_offline);
  const auto appended = hosted->partition->submit(std::move(*batch), log::AppendOrigin::client, append_time_ms);
  if (!appended) return refuse(produce, answer, appended.error());
  produce.local.push_back({&answer, hosted->partition, *appended});
}

void note(Produce& produce, ProduceAnswer& answer, const log::Appended& appended) {
  if (appended.duplicate) produce.call.shard.metrics.produce_duplicates_total.add();
  answer.base_offset = appended.base_offset;
  answer.log_append_time_ms = appended.log_append_time_ms;
  answer.log_start_offset = appended.log_start_offset;
}

/// Waits for everything and answers.
void finish(Fiber& f, Produce& produce, kernel::Mono deadline) {
  for (const Local& local : produce.local) {
    const auto within = f.deadline_at(deadline);
    const auto safe = local.partition->wait(f, local.appended, produce.acks);
    const bool late_is_fine = !safe && safe.error().is(kernel::Errc::deadline) && BUG(f, "produce.timeout_acknowledged");
    if (safe || late_is_fine) note(produce, *local.answer, local.appended);
    else refuse(produce, *local.answer, safe.error());
    const bool is_gone = local.appended.duplicate && local.appended.base_offset < local.appended.log_start_offset;
    if (safe && is_gone && BUG(f, "produce.duplicate_of_deleted_fails")) local.answer->error_code = ErrorCode::unknown_server_error;
  }
  for (Remote& remote : produce.remote) {
    remote.append.wait(f);
    if (remote.append.outcome()) note(produce, *remote.answer, *remote.append.outcome());
    else refuse(produce, *remote.answer, remote.append.outcome().error());
  }
  produce.packed = {};  // before the answer, which waits for a client that reads it
  if (produce.acks != Acks::none) return produce.call.reply(f, produce.response);
  // Nobody hears an error that is not answered; the end of the connection is the only way to say it.
  produce.call.slot.send(f, produce.any_error ? server::Reply::hang_up() : server::Reply::none());
}

const metadata::Topic* find_topic(const Call& call, const metadata::Image& image, const ProduceRequest::TopicProduceData& data) {
  return call.version() >= 13 ? image.find_topic(data.topic_id) : image.find_topic(data.name);
}

}  // namespace

void handle_produce(Fiber& f, Call& call) {
  const auto request = net::decode<ProduceRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  auto produce = std::make_unique<Produce>(std::move(call));
  net::Arena& arena = *produce->call.arena;
  const bool acks_valid = request->acks >= -1 && request->acks <= 1;
  produce->acks = acks_valid ? static_cast<Acks>(request->acks) : Acks::all;
  const kernel::Mono deadline =
      kernel::saturating_add(f.now(), std::chrono::milliseconds{std::max(request->timeout_ms, 0)});

  const metadata::ImageRef image = produce->call.image();  // kept: a batch that takes long suspends
  auto& answers = produce->response.responses;
  answers = arena.list<ProduceResponse::TopicProduceResponse>(request->topic_data.size());
  for (std::size_t t = 0; t < request->topic_data.size(); ++t) {
    const auto& data = request->topic_data[t];
    answers[t].name = data.name;
    answers[t].topic_id = data.topic_id;
    answers[t].partition_responses = arena.list<ProduceAnswer>(data.partition_data.size());
    const metadata::Topic* topic = find_topic(produce->call, *image, data);
    for (std::size_t p = 0; p < data.partition_data.size(); ++p) {
      ProduceAnswer& answer = answers[t].partition_responses[p];
      answer.index = data.partition_data[p].index;
      if (!acks_valid) {
        refuse(*produce, answer, ErrorCode::invalid_required_acks, "acks must be 0, 1 or -1");
      } else if (topic == nullptr) {
        refuse(*produce, answer,
               produce->call.version() >= 13 ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition,
               "no such topic");
      } else {
        take(f, *produce, *topic, data.partition_data[p], answer, deadline);
      }
    }
  }
  produce->turn = {};
  kernel::Scope& scope = produce->call.shard.scope();
  scope.spawn("produce", [produce = std::move(produce), deadline](Fiber& child) { finish(child, *produce, deadline); });
}

}  // namespace broker::handlers
