#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/fetch.h"
#include "net/messages/list_offsets.h"
#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"
#include "net/record/validate.h"
#include "scenarios/workloads/tasks.h"

#include <fmt/format.h>

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using namespace std::chrono_literals;

namespace {

/// Version 12 still names topics, so that nothing of the client's metadata is in the way.
constexpr clients::core::VersionCap kByName{.first = 4, .last = 12};

struct Fetched {
  net::Offset next{0};
  net::Offset high_watermark{-1};
  std::size_t records = 0;
};

/// One fetch of one partition; every record goes to the ledger.
Result<Fetched> fetch_once(Fiber& f, Cluster& cluster, Stage& stage, const PartitionName& at, net::Offset from,
                           std::uint64_t reader, std::int32_t wait_ms) {
  net::FetchRequest request;
  net::FetchRequest::FetchPartition partition;
  partition.partition = net::PartitionId{at.partition};
  partition.fetch_offset = from;
  partition.partition_max_bytes = 256 * 1024;
  net::FetchRequest::FetchTopic topic;
  topic.topic = at.topic;
  topic.partitions = net::List<net::FetchRequest::FetchPartition>{&partition, 1};
  request.max_wait_ms = wait_ms;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.topics = net::List<net::FetchRequest::FetchTopic>{&topic, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s, .versions = kByName}));
  if (answer->error_code != ErrorCode::none) return clients::core::fail_code(answer->error_code);
  if (answer->responses.empty() || answer->responses[0].partitions.empty()) {
    return kernel::fail(clients::core::Reason::malformed_answer);
  }
  const auto& data = answer->responses[0].partitions[0];
  if (data.error_code != ErrorCode::none) return clients::core::fail_code(data.error_code);
  Fetched fetched{.next = from, .high_watermark = data.high_watermark};
  net::record::BatchReader batches{data.records.bytes()};
  for (;;) {
    const auto batch = batches.next();
    if (!batch) {
      stage.run.violation("L6", fmt::format("{}: bytes that are no batch behind offset {}", to_string(at), fetched.next.raw()));
      return fetched;
    }
    if (!*batch) return fetched;
    stage.run.judged("L6");
    if (const auto whole = net::record::check_whole((*batch)->header, {&(*batch)->bytes, 1}); !whole) {
      stage.run.violation("L6", fmt::format("{}: the batch at {} does not hold its checksum", to_string(at),
                                            (*batch)->header.base_offset.raw()));
      return fetched;
    }
    const auto region = net::record::RecordRegion::open((*batch)->header, (*batch)->records(), 64u << 20);
    if (!region) {
      stage.run.violation("L6", fmt::format("{}: the batch at {} does not decompress", to_string(at),
                                            (*batch)->header.base_offset.raw()));
      return fetched;
    }
    auto records = region->iterate();
    for (;;) {
      const auto record = records.next();
      if (!record || !*record) break;
      if ((*record)->offset < from) continue;
      if ((*record)->offset >= data.high_watermark) {
        stage.run.violation("R10", fmt::format("{}: offset {} was shown above the high watermark {}", to_string(at),
                                               (*record)->offset.raw(), data.high_watermark.raw()));
      }
      stage.ledger.read(at, (*record)->offset, (*record)->value.value_or(kernel::ByteView{}), reader);
      ++fetched.records;
      fetched.next = (*record)->offset + 1;
    }
  }
}

Result<net::Offset> end_offset(Fiber& f, Cluster& cluster, const PartitionName& at) {
  net::ListOffsetsRequest request;
  net::ListOffsetsRequest::ListOffsetsPartition partition;
  partition.partition_index = net::PartitionId{at.partition};
  partition.timestamp = -1;
  net::ListOffsetsRequest::ListOffsetsTopic topic;
  topic.name = at.topic;
  topic.partitions = net::List<net::ListOffsetsRequest::ListOffsetsPartition>{&partition, 1};
  request.replica_id = net::BrokerId{-1};
  request.topics = net::List<net::ListOffsetsRequest::ListOffsetsTopic>{&topic, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s}));
  if (answer->topics.empty() || answer->topics[0].partitions.empty()) {
    return kernel::fail(clients::core::Reason::malformed_answer);
  }
  const auto& told = answer->topics[0].partitions[0];
  if (told.error_code != ErrorCode::none) return clients::core::fail_code(told.error_code);
  return told.offset;
}

}  // namespace

void read_partition(Fiber& f, Stage& stage, std::int32_t partition, std::uint64_t reader) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "reader")};
    const PartitionName at{stage.topic, partition};
    net::Offset next{0};
    stage.ledger.reader_starts(at, reader, next);
    while (!stage.stopping) {
      const auto fetched = fetch_once(f, cluster, stage, at, next, reader, 500);
      if (!fetched) {
        // Durable mode shows only what survives, so the log can never end before what was shown.
        if (clients::core::broker_code(fetched.error()) == ErrorCode::offset_out_of_range) {
          stage.run.violation("L4", fmt::format("{}: offset {} was readable and is out of range now", to_string(at),
                                                next.raw()));
          break;
        }
        if (!f.sleep(100ms)) break;
        continue;
      }
      next = fetched->next;
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

bool final_read(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  bool complete = true;
  {
    Cluster cluster{scope, client_config(stage, "final")};
    std::map<PartitionName, net::Offset> ends;
    stage.ledger.begin_final_read();
    for (std::int32_t p = 0; p < stage.partitions && complete; ++p) {
      const PartitionName at{stage.topic, p};
      net::Offset next{0};
      net::Offset end{-1};
      const std::uint64_t reader = 1'000'000 + static_cast<std::uint64_t>(p);
      stage.ledger.reader_starts(at, reader, next);
      for (int tries = 0; end < net::Offset{0} || next < end;) {
        if (tries > 200) {
          complete = false;
          break;
        }
        if (end < net::Offset{0}) {
          const auto told = end_offset(f, cluster, at);
          if (told) end = *told;
        } else if (const auto fetched = fetch_once(f, cluster, stage, at, next, reader, 100);
                   fetched && fetched->next > next) {
          next = fetched->next;
          continue;
        }
        ++tries;
        if (!f.sleep(50ms)) complete = false;
      }
      ends[at] = next;
    }
    if (complete) stage.ledger.end_final_read(ends);
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  return complete;
}

}  // namespace scenarios
