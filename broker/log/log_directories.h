// The log directories of a broker (log.dirs, and metadata.log.dir), each for itself: one that cannot be opened, or fails
// later, is offline alone. Lives on the shard that opened it.
//
//   std::string refused;
//   const auto all = TRY(LogDirectories::open(f, {.paths = config.log_directories, ...}, refused));
//   for (std::size_t i = 0; i < all->size(); ++i) if (all->online(i)) ...
//   ...
//   while (all->serves()) TRY(all->changed().wait(f));
//
// A directory whose disk answers with an error is offline. One that says that it is somebody else's, or of a later
// release, or that is in use, ends the start: that is a mistake in the configuration, not a failing disk. So does
// anything wrong with the directory of the metadata log, without which nobody knows what the others hold.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/log/log_directory.h"
#include "kernel/notify.h"

namespace broker::log {

class LogDirectories {
 public:
  struct Wanted {
    std::vector<std::string> paths;  ///< for partitions
    std::string metadata_path;       ///< may be one of them
    std::int32_t node_id = -1;
  };
  /// Makes what is not there. A cluster id is that of the first directory that has one, else a new one. `refused` is set
  /// to the directory that an error is about. Errors: those of LogDirectory::open(); duplicate_identity.
  static kernel::Result<std::unique_ptr<LogDirectories>> open(kernel::Fiber& f, const Wanted& wanted, std::string& refused);

  /// Those for partitions first, in the order of the setting; then that of the metadata log if it is not among them.
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t metadata() const { return metadata_; }
  [[nodiscard]] bool takes_partitions(std::size_t i) const { return i < for_partitions_; }
  [[nodiscard]] const std::string& path(std::size_t i) const { return places_[i].path; }
  /// Null when it could not be opened.
  [[nodiscard]] LogDirectory* at(std::size_t i) const { return places_[i].directory.get(); }
  /// On the shard that opened them.
  [[nodiscard]] bool online(std::size_t i) const { return at(i) != nullptr && at(i)->online(); }
  [[nodiscard]] bool all_online() const;
  /// The broker can go on: the metadata log's directory and one for partitions are online.
  [[nodiscard]] bool serves() const;
  /// Notified, on the shard that opened them, when one has gone offline.
  [[nodiscard]] kernel::Notify& changed() { return changed_; }
  [[nodiscard]] const std::string& cluster_id() const { return at(metadata_)->properties().cluster_id; }
  /// By directory; zero for one that is not online or takes no partitions.
  [[nodiscard]] std::vector<net::Uuid> ids() const;

 private:
  struct Place {
    std::string path;
    std::unique_ptr<LogDirectory> directory;
  };
  LogDirectories() = default;
  std::vector<Place> places_;
  std::size_t for_partitions_ = 0;
  std::size_t metadata_ = 0;
  kernel::Notify changed_;
};

}  // namespace broker::log
