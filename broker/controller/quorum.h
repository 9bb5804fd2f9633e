// Who votes on the metadata log, and what a voter must not forget.
//
//   quorum-state   one line of JSON: leaderId, leaderEpoch, votedId, votedDirectoryId, data_version 1
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "net/types.h"
#include "net/uuid.h"

namespace broker::controller {

struct VoterEndpoint {
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const VoterEndpoint&, const VoterEndpoint&) = default;
};

struct Voter {
  net::BrokerId id{-1};
  net::Uuid directory{};
  std::vector<VoterEndpoint> endpoints;
  friend bool operator==(const Voter&, const Voter&) = default;
};

struct QuorumState {
  net::BrokerId leader{-1};
  net::LeaderEpoch epoch{0};
  net::BrokerId voted{-1};
  net::Uuid voted_directory{};
  friend bool operator==(const QuorumState&, const QuorumState&) = default;
};
[[nodiscard]] std::string format_quorum_state(const QuorumState& state);
/// Takes both versions that Kafka writes. Errors: corrupt; unsupported for a later version.
[[nodiscard]] kernel::Result<QuorumState> parse_quorum_state(std::string_view json);

}  // namespace broker::controller
