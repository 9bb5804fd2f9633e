// Fills an OffsetMap from the dirty stretch of a log, batch by batch: which offset is the last one of each key.
//
//   KeyCollector keys{map, from};
//   while (batch) if (!TRY(keys.take(header, bytes))) break;      // the map is full
//   const Offset end = keys.end(to);                              // so far may be cleaned
//
// A record of a transaction supersedes others only once it is committed, so that its keys wait for the marker; who
// was aborted is remembered for the filter. What no marker has decided by the end is not part of what is cleaned.
// Pure: to be run in offload().
#pragma once

#include <map>
#include <vector>

#include "broker/log/cleaner/batch_filter.h"

namespace broker::log::cleaner {

class KeyCollector {
 public:
  KeyCollector(OffsetMap& map, Offset from) : map_{map}, from_{from} {}

  /// A whole batch. False once the map is full: what was taken before counts, and nothing may follow.
  /// Errors: net::record::Reason (it is damaged).
  kernel::Result<bool> take(const net::record::BatchHeader& header, kernel::ByteView batch);
  /// Where the stretch ends whose keys are known, of one that was to end at `to`.
  [[nodiscard]] Offset end(Offset to) const;
  [[nodiscard]] bool full() const { return full_at_.has_value(); }
  [[nodiscard]] const std::vector<AbortedTransaction>& aborted() const { return aborted_; }

 private:
  struct Open {
    Offset first{0};
    std::vector<std::pair<KeyHash, Offset>> keys;
  };
  [[nodiscard]] bool has_room() const { return map_.size() + waiting_ < map_.keys_max(); }
  kernel::Result<> take_marker(const net::record::BatchHeader& header, kernel::ByteView records);

  OffsetMap& map_;
  Offset from_;
  std::optional<Offset> full_at_;
  std::map<net::ProducerId, Open> open_;
  std::size_t waiting_ = 0;  ///< keys of open_
  std::vector<AbortedTransaction> aborted_;
};

}  // namespace broker::log::cleaner
