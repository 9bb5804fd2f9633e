// Fetches of one partition by requests of the workload's own making, with or without a session. Every record goes to
// the ledger, as does the end that the broker tells.
#pragma once

#include "clients/core/cluster.h"
#include "net/record/record_iterator.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

/// A fetch session as its client keeps it (KIP-227).
struct FetchSession {
  std::int32_t id = 0;
  std::int32_t epoch = 0;       ///< 0 asks for a new session
  net::Offset told_offset{-1};  ///< what the broker was told last
};

struct FetchAsk {
  PartitionName at;              ///< in the ledger
  std::string_view topic;        ///< at the broker
  net::Offset from{0};
  std::uint64_t reader = 0;      ///< in the ledger
  std::int32_t wait_ms = 0;
  std::int32_t bytes_max = 256 * 1024;
  FetchSession* session = nullptr;  ///< null asks without one
  /// Who judges the records, other than the stage's ledger.
  std::function<void(const net::record::RecordView& record)> on_record = {};
};

struct Fetched {
  net::Offset next{0};
  std::size_t records = 0;
};

/// Errors: those of Cluster::request_any(), and what the broker answered (clients::core::broker_code()).
kernel::Result<Fetched> fetch_once(kernel::Fiber& f, clients::core::Cluster& cluster, Stage& stage, const FetchAsk& ask);

/// The records of one partition in an answer to a fetch: what fetch_once() does with them. Answers where to go on.
Fetched judge_records(Stage& stage, const FetchAsk& ask, Era asked_in, net::Offset high_watermark, kernel::ByteView records);

/// The first record that is not older than `timestamp`, or one of the special ones; offset -1 when there is none.
struct Listed {
  net::Offset offset{-1};
  std::int64_t timestamp_ms = -1;
};
kernel::Result<Listed> list_offset(kernel::Fiber& f, clients::core::Cluster& cluster, const PartitionName& at,
                                   std::string_view topic, std::int64_t timestamp);
/// As the broker says; nobody judges it.
inline constexpr std::int64_t kLatest = -1, kEarliest = -2;
kernel::Result<net::Offset> listed_offset(kernel::Fiber& f, clients::core::Cluster& cluster, const PartitionName& at,
                                          std::string_view topic, std::int64_t timestamp);
/// Where the log starts.
kernel::Result<net::Offset> start_offset(kernel::Fiber& f, clients::core::Cluster& cluster, Stage& stage,
                                         const PartitionName& at, std::string_view topic);
/// Where the partition ends for readers.
kernel::Result<net::Offset> end_offset(kernel::Fiber& f, clients::core::Cluster& cluster, Stage& stage,
                                       const PartitionName& at, std::string_view topic);

}  // namespace scenarios
