#include "scenarios/workloads/fetch.h"

#include <fmt/format.h>

#include "net/messages/fetch.h"
#include "net/messages/list_offsets.h"
#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"
#include "net/record/validate.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

/// Version 12 still names topics, so that nothing of the client's metadata is in the way.
constexpr clients::core::VersionCap kByName{.first = 7, .last = 12};
constexpr std::size_t kDecompressedMax = 64u << 20;

/// Judges what one answer holds.
struct Judge {
  Stage& stage;
  const FetchAsk& ask;
  Era asked_in;
  Offset high_watermark;
  Fetched fetched;

  void bad(std::string_view what, Offset where) {
    if (stage.may_be_damaged(ask.at)) return stage.run.judged("damage");  // whoever reads is told by the checksum
    stage.run.violation("L6", fmt::format("{}: {} at {}", to_string(ask.at), what, where.raw()));
  }
  /// False when the rest cannot be read.
  bool batch(const net::record::BatchView& batch) {
    stage.run.judged("L6");
    // The offset of a batch is in no checksum; what cannot be one is refused as well.
    const Offset expected = fetched.records == 0 ? ask.from : fetched.next;
    if (batch.header.last_offset() < expected && stage.may_be_damaged(ask.at)) {
      bad("a batch that was before", batch.header.base_offset);
      return false;
    }
    if (batch.header.last_offset() >= high_watermark && stage.may_be_damaged(ask.at)) {
      bad("a batch beyond the end", batch.header.base_offset);
      return false;
    }
    if (!net::record::check_whole(batch.header, {&batch.bytes, 1})) {
      bad("a batch does not hold its checksum", batch.header.base_offset);
      return false;
    }
    const auto region = net::record::RecordRegion::open(batch.header, batch.records(), kDecompressedMax);
    if (!region) {
      bad("a batch does not decompress", batch.header.base_offset);
      return false;
    }
    auto records = region->iterate();
    for (;;) {
      const auto record = records.next();
      if (!record) {
        bad("a record cannot be read", batch.header.base_offset);
        return false;
      }
      if (!*record) {  // compaction leaves batches that end with nothing, or hold nothing
        fetched.next = std::max(fetched.next, batch.header.next_offset());
        return true;
      }
      if ((*record)->offset < ask.from) continue;
      stage.run.judged("R10");
      if ((*record)->offset >= high_watermark) {
        stage.run.violation("R10", fmt::format("{}: offset {} was shown above the high watermark {}", to_string(ask.at),
                                               (*record)->offset.raw(), high_watermark.raw()));
      }
      if (ask.on_record) {
        ask.on_record(**record);
      } else {
        stage.ledger.read(ask.at, (*record)->offset, (*record)->value.value_or(kernel::ByteView{}), ask.reader, asked_in);
      }
      ++fetched.records;
      fetched.next = (*record)->offset + 1;
    }
  }
};

}  // namespace

Result<Listed> list_offset(Fiber& f, Cluster& cluster, const PartitionName& at, std::string_view topic,
                           std::int64_t timestamp) {
  net::ListOffsetsRequest request;
  net::ListOffsetsRequest::ListOffsetsPartition partition;
  partition.partition_index = net::PartitionId{at.partition};
  partition.timestamp = timestamp;
  net::ListOffsetsRequest::ListOffsetsTopic asked;
  asked.name = topic;
  asked.partitions = net::List<net::ListOffsetsRequest::ListOffsetsPartition>{&partition, 1};
  request.replica_id = net::BrokerId{-1};
  request.topics = net::List<net::ListOffsetsRequest::ListOffsetsTopic>{&asked, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s}));
  if (answer->topics.empty() || answer->topics[0].partitions.empty()) {
    return kernel::fail(clients::core::Reason::malformed_answer);
  }
  const auto& told = answer->topics[0].partitions[0];
  if (told.error_code != ErrorCode::none) return clients::core::fail_code(told.error_code);
  return Listed{told.offset, told.timestamp};
}

Result<Offset> listed_offset(Fiber& f, Cluster& cluster, const PartitionName& at, std::string_view topic,
                             std::int64_t timestamp) {
  return TRY(list_offset(f, cluster, at, topic, timestamp)).offset;
}

Fetched judge_records(Stage& stage, const FetchAsk& ask, Era asked_in, Offset high_watermark, kernel::ByteView records) {
  Judge judge{stage, ask, asked_in, high_watermark, {.next = ask.from}};
  net::record::BatchReader batches{records};
  for (;;) {
    const auto batch = batches.next();
    if (!batch) judge.bad("bytes that are no batch", judge.fetched.next);
    if (batch && *batch && judge.batch(**batch)) continue;
    if (judge.fetched.records > 0) stage.on_moment();
    return judge.fetched;
  }
}

Result<Fetched> fetch_once(Fiber& f, Cluster& cluster, Stage& stage, const FetchAsk& ask) {
  FetchSession none;
  FetchSession& session = ask.session != nullptr ? *ask.session : none;
  net::FetchRequest request;
  net::FetchRequest::FetchPartition partition;
  partition.partition = net::PartitionId{ask.at.partition};
  partition.fetch_offset = ask.from;
  partition.partition_max_bytes = ask.bytes_max;
  net::FetchRequest::FetchTopic topic;
  topic.topic = ask.topic;
  topic.partitions = net::List<net::FetchRequest::FetchPartition>{&partition, 1};
  request.max_wait_ms = ask.wait_ms;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.session_id = session.id;
  request.session_epoch = ask.session == nullptr ? -1 : session.epoch;
  const bool incremental = session.id != 0;
  // A session knows what it was told: only what changed is said again.
  if (!incremental || session.told_offset != ask.from) request.topics = net::List<net::FetchRequest::FetchTopic>{&topic, 1};

  const Offset known = stage.ledger.known_end(ask.at);
  const Era asked_in = stage.ledger.era();
  const FetchSession before = std::exchange(session, FetchSession{});  // void, unless all goes well
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s + std::chrono::milliseconds{ask.wait_ms},
                                                           .versions = kByName}));
  if (answer->error_code != ErrorCode::none) return clients::core::fail_code(answer->error_code);
  if (ask.session != nullptr && answer->session_id != 0) {
    session = {answer->session_id, incremental ? before.epoch + 1 : 1, ask.from};
  }
  if (answer->responses.empty() || answer->responses[0].partitions.empty()) {
    if (incremental) return Fetched{.next = ask.from};  // nothing new
    return kernel::fail(clients::core::Reason::malformed_answer);
  }
  const auto& data = answer->responses[0].partitions[0];
  const bool is_refused = data.error_code == ErrorCode::kafka_storage_error || data.error_code == ErrorCode::corrupt_message;
  if (is_refused && stage.may_be_damaged(ask.at)) stage.run.judged("damage");
  if (data.error_code != ErrorCode::none) return clients::core::fail_code(data.error_code);
  stage.ledger.told_end(ask.at, known, asked_in, data.high_watermark);
  return judge_records(stage, ask, asked_in, data.high_watermark, data.records.bytes());
}

Result<Offset> start_offset(Fiber& f, Cluster& cluster, Stage& stage, const PartitionName& at, std::string_view topic) {
  const Offset deleted = stage.ledger.deleted_end(at);
  const Offset start = TRY(listed_offset(f, cluster, at, topic, kEarliest));
  stage.ledger.told_start(at, deleted, start);
  return start;
}

Result<Offset> end_offset(Fiber& f, Cluster& cluster, Stage& stage, const PartitionName& at, std::string_view topic) {
  const Offset known = stage.ledger.known_end(at);
  const Era asked_in = stage.ledger.era();
  const Offset end = TRY(listed_offset(f, cluster, at, topic, kLatest));
  stage.ledger.told_end(at, known, asked_in, end);
  return end;
}

}  // namespace scenarios
