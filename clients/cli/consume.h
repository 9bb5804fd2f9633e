// What `kalda consume` is asked for, and its way in a group.
#pragma once

#include "clients/cli/common.h"
#include "clients/cli/print.h"
#include "clients/consumer/offsets.h"

namespace clients::cli {

struct ConsumeOptions {
  ClusterOptions cluster;
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  std::string from = "beginning";
  std::uint64_t count = 0;
  bool follow = false;
  bool read_committed = false;
  RecordForm form = RecordForm::text;
  std::vector<std::string> show;
  std::string group;
  std::vector<std::string> assignors;
  std::string instance_id;
  double session_timeout_seconds = 45;
};

/// With options.group set. What was printed is committed, never more; Ctrl-C commits and leaves the group.
int consume_in_group(kernel::Fiber& f, const ConsumeOptions& options, const consumer::Start& start, const Shown& shown);

}  // namespace clients::cli
