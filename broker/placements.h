// In which log directory each of this broker's partitions is: where the metadata says, or else where its files are, or
// else, as Kafka does it, where the fewest partitions are. Pure; on shard 0, others look at it while it stays.
//
//   Placements places{directories.ids()};
//   places.found(key, 1);                                  // its files are there
//   const auto at = places.place(key, assigned);           // nothing: its directory is not to be had
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "net/types.h"
#include "net/uuid.h"

namespace broker {

// Directory ids that mean something instead of naming a directory.
inline constexpr net::Uuid kDirectoryMigrating{0, 0};   ///< said by records that know no directories
inline constexpr net::Uuid kDirectoryUnassigned{0, 1};  ///< the broker is to choose
inline constexpr net::Uuid kDirectoryLost{0, 2};
/// Whether it names a directory.
[[nodiscard]] constexpr bool is_directory(net::Uuid id) { return id.high != 0 || id.low >= 100; }

class Placements {
 public:
  using Key = std::pair<net::TopicId, net::PartitionId>;
  /// `ids` by directory; zero for one that takes no partitions now.
  explicit Placements(std::vector<net::Uuid> ids) : ids_{std::move(ids)}, counts_(ids_.size()) {}

  /// Its files are there. The first word counts.
  void found(const Key& key, std::size_t directory);
  /// Where it is; decides that if it is not decided yet. `assigned` is what the metadata says. Nothing when that names a
  /// directory that is not here, and its files are nowhere else: with the only copy gone, an empty log would be a lie.
  std::optional<std::size_t> place(const Key& key, net::Uuid assigned);
  /// Unless its files are found, it is nowhere until it is forgotten: they may be in a directory that is away.
  void withhold(const Key& key) { withheld_.insert(key); }
  [[nodiscard]] std::optional<std::size_t> find(const Key& key) const;
  [[nodiscard]] net::Uuid id(std::size_t directory) const { return ids_[directory]; }
  void forget(const Key& key);
  /// No new partitions go there any more. Those that are there stay.
  void close(std::size_t directory) { ids_[directory] = {}; }

 private:
  std::vector<net::Uuid> ids_;
  std::vector<std::size_t> counts_;
  std::map<Key, std::size_t> at_;
  std::set<Key> withheld_;
};

}  // namespace broker
