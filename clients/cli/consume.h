// What `kalda consume` is asked for, and its way in a group.
#pragma once

#include "clients/cli/bounds.h"
#include "clients/cli/common.h"
#include "clients/cli/print.h"

namespace clients::cli {

/// How long a poll waits before the command looks whether it is done.
inline constexpr kernel::Duration kPollWait = std::chrono::milliseconds{200};

struct ConsumeOptions {
  ClusterOptions cluster;
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  std::string from = "beginning";
  std::string to;
  std::uint64_t count = 0;
  bool follow = false;
  double rate = 0;
  bool progress = false;
  bool read_committed = false;
  RecordForm form = RecordForm::raw;
  std::vector<std::string> show;
  std::string group;
  std::vector<std::string> assignors;
  std::string instance_id;
  double session_timeout_seconds = 45;
};

/// What the options come to.
struct Wanted {
  consumer::Start from;
  std::optional<consumer::Start> to;
  Shown shown;

  [[nodiscard]] Bounds bounds(const ConsumeOptions& options) const;
};

/// With options.group set. What was printed is committed, never more; Ctrl-C commits and leaves the group.
int consume_in_group(kernel::Fiber& f, const ConsumeOptions& options, const Wanted& wanted);

}  // namespace clients::cli
