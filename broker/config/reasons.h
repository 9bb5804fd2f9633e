// Why settings have no meaning here, where many share the reason.
#pragma once

#include "broker/config/definition.h"

namespace broker::config::table {

inline constexpr std::optional<std::string_view> kUnset = std::nullopt;

inline constexpr std::string_view kNoGroups = "The newer consumer protocol (KIP-848) is not implemented yet.";
inline constexpr std::string_view kNoShareGroups = "Share groups are not implemented yet.";
inline constexpr std::string_view kNoStreamsGroups = "Streams groups are not implemented yet.";
inline constexpr std::string_view kNoTransactions = "Transactions are not implemented yet.";
inline constexpr std::string_view kNoTiering = "Tiered storage is not implemented.";
inline constexpr std::string_view kNoTls = "TLS is not implemented yet: no listener uses it.";
inline constexpr std::string_view kNoSasl = "Authentication is not implemented yet: no listener uses it.";
inline constexpr std::string_view kOneNode = "Replication is not implemented yet: there is one broker.";
inline constexpr std::string_view kOneController =
    "The controller is the only voter of its quorum and runs in this process.";
inline constexpr std::string_view kNoQuotas = "Quotas and client telemetry are not implemented yet.";
inline constexpr std::string_view kNoFlush = "log.durability decides when records are synced.";
inline constexpr std::string_view kOtherMetrics = "Metrics are served over HTTP at kalda.admin.port instead.";
inline constexpr std::string_view kOtherThreads =
    "Work is not divided among threads of that kind: kalda.shards says how many threads there are.";
inline constexpr std::string_view kSystemBuffers =
    "The operating system sizes the buffers of a connection by how it goes, as if this were -1.";
inline constexpr std::string_view kNoConnectionLimits = "Connections are bounded by memory and open files only.";

}  // namespace broker::config::table
