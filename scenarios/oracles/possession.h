// Who holds which partition, by what the members of a group were told: G3, a partition that moves between the living is
// given back before somebody else has it. Only who was thrown out, and hears so (`lost`), may find that others went on.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scenarios/run.h"

namespace scenarios {

class Possession {
 public:
  /// Tells the lives of one member apart: another process, or another member id.
  using Holder = std::string;
  explicit Possession(Run& run) : run_{run} {}

  void assigned(const Holder& who, const std::vector<std::int32_t>& partitions);
  /// The holder was asked to give these back and still is a member.
  void revoked(const Holder& who, const std::vector<std::int32_t>& partitions);
  /// The holder has heard that these may be others' already.
  void lost(const Holder& who, const std::vector<std::int32_t>& partitions);
  /// The holder died, or has left.
  void gone(const Holder& who);
  /// Every partition below `count` has one holder.
  [[nodiscard]] bool is_complete(std::int32_t count) const;

 private:
  Run& run_;
  std::map<std::int32_t, std::set<Holder>> holders_;  // more than one while somebody has not heard yet
  std::set<std::pair<std::int32_t, Holder>> overtaken_;
};

}  // namespace scenarios
