// What members ask of their group and what they are told, free of wire versions. Handlers translate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/buffer.h"
#include "net/errors.h"
#include "net/types.h"

namespace broker::coordinators::group {

using net::ErrorCode;

/// A way to divide the work that a member knows, with what the leader needs of the member for it.
struct Protocol {
  std::string name;
  kernel::Buffer metadata;
};

struct JoinRequest {
  std::string group_id;
  std::string member_id;  ///< empty: has none yet
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::string protocol_type;
  std::vector<Protocol> protocols;  ///< the one it likes best first
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;
  bool requires_known_id = false;    ///< v4: a new member is given its id before it is counted
  bool may_skip_assignment = false;  ///< v9: understands skip_assignment
  std::string fresh_id;              ///< what makes a new member's id unique
};
struct JoinedMember {
  std::string id;
  std::optional<std::string> instance_id;
  kernel::Buffer metadata;
};
struct JoinReply {
  ErrorCode error{};
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  std::string member_id;
  bool skip_assignment = false;
  std::vector<JoinedMember> members;  ///< for the leader
};

struct SyncRequest {
  std::string group_id;
  std::int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::vector<std::pair<std::string, kernel::Buffer>> assignments;  ///< by member id; the leader's
};
struct SyncReply {
  ErrorCode error{};
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  kernel::Buffer assignment;
};

struct HeartbeatRequest {
  std::string_view group_id;
  std::int32_t generation = -1;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
};

struct Leaving {
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
};

struct DescribedMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  kernel::Buffer metadata;
  kernel::Buffer assignment;
};
struct DescribedGroup {
  ErrorCode error{};
  std::string state;
  std::string protocol_type;
  std::string protocol;
  std::vector<DescribedMember> members;
};

struct ListedGroup {
  std::string id;
  std::string protocol_type;
  std::string_view state;
};

}  // namespace broker::coordinators::group
