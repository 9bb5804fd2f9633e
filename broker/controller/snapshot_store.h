// The snapshots and the quorum-state file in the directory of the metadata log.
//
//   std::optional<StoredSnapshot> newest = TRY(store.load(f));      // sweeps what a crash left half done
//   TRY(store.save(f, id, bytes));                                  // .part, sync, rename, sync the directory
//   TRY(store.remove_below(f, id));
#pragma once

#include <optional>
#include <string>

#include "broker/controller/metadata_batches.h"
#include "kernel/buffer.h"
#include "kernel/fiber.h"
#include "kernel/random.h"

namespace broker::controller {

struct StoredSnapshot {
  SnapshotId id;
  Snapshot content;
};

class SnapshotStore {
 public:
  explicit SnapshotStore(std::string directory) : directory_{std::move(directory)} {}

  /// The newest snapshot that is whole; removes files that were being written or removed. Damaged ones are passed
  /// over with a warning. Errors: unsupported (of a later release), kernel reasons.
  kernel::Result<std::optional<StoredSnapshot>> load(kernel::Fiber& f);
  /// Durable before it returns. `tag` is for the name while it is written.
  kernel::Result<> save(kernel::Fiber& f, const SnapshotId& id, const Batch& bytes, std::uint64_t tag);
  /// Removes the snapshots older than `id`.
  kernel::Result<> remove_below(kernel::Fiber& f, const SnapshotId& id);

  /// Nothing when there never was one. Errors: corrupt, unsupported, kernel reasons.
  kernel::Result<std::optional<QuorumState>> load_quorum_state(kernel::Fiber& f);
  /// Durable before it returns.
  kernel::Result<> save_quorum_state(kernel::Fiber& f, const QuorumState& state);

 private:
  [[nodiscard]] std::string file(std::string_view name) const { return directory_ + "/" + std::string{name}; }
  kernel::Result<kernel::Buffer> read_file(kernel::Fiber& f, std::string_view name);
  std::string directory_;
};

}  // namespace broker::controller
