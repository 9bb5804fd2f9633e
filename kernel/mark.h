// Coverage marks: names of rare paths that a campaign of simulated runs ought to reach. Each room lists its marks in
// one table, so that a mark that no seed reaches is still known, and is a finding.
//
//   // broker/marks.h
//   inline constexpr kernel::MarkTable kMarks{"broker", {"log.torn_tail_cut", ...}};
//   // at the place:
//   f.node().mark("broker.log.torn_tail_cut");
#pragma once

#include <span>
#include <string_view>

namespace kernel {

/// The marks of one room, full names ("broker.log.torn_tail_cut").
struct MarkTable {
  std::span<const std::string_view> names;
};

}  // namespace kernel
