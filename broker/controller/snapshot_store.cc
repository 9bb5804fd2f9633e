#include "broker/controller/snapshot_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernel/bug.h"
#include "kernel/disk.h"
#include "kernel/node.h"

namespace broker::controller {

using kernel::Fiber;
using kernel::Result;

namespace {

constexpr std::string_view kQuorumState = "quorum-state";

bool is_left_over(std::string_view name) {
  return name.ends_with(".checkpoint.part") || name.ends_with(".checkpoint.deleted") || name == "quorum-state.tmp";
}

}  // namespace

Result<kernel::Buffer> SnapshotStore::read_file(Fiber& f, std::string_view name) {
  const auto handle = TRY(f.node().disk().open(f, file(name), kernel::OpenMode::read_only()));
  return kernel::read_all(f, *handle);
}

Result<std::optional<StoredSnapshot>> SnapshotStore::load(Fiber& f) {
  std::vector<SnapshotId> found;
  for (const auto& entry : TRY(f.node().disk().list(f, directory_))) {
    if (is_left_over(entry.name)) TRY(f.node().disk().unlink(f, file(entry.name)));
    else if (const auto id = parse_snapshot_name(entry.name)) found.push_back(*id);
  }
  std::ranges::sort(found, std::ranges::greater{});
  for (const SnapshotId& id : found) {
    const kernel::Buffer bytes = TRY(read_file(f, snapshot_name(id)));
    auto content = decode_snapshot(bytes.view());
    if (content) return StoredSnapshot{id, std::move(*content)};
    if (content.error().is(kernel::Errc::unsupported)) return std::unexpected(content.error());
    f.log().warn("metadata_snapshot_damaged", {{"file", snapshot_name(id)}, {"why", content.error()}});
  }
  return std::nullopt;
}

Result<> SnapshotStore::save(Fiber& f, const SnapshotId& id, const Batch& bytes, std::uint64_t tag) {
  kernel::Disk& disk = f.node().disk();
  const std::string name = file(snapshot_name(id));
  const std::string part =
      file(fmt::format("{:020}-{:010}-{:016x}.checkpoint.part", id.end.raw(), id.epoch.raw(), tag));
  const auto handle = TRY(disk.open(f, part, kernel::OpenMode::create_empty()));
  const kernel::Buffer chain[] = {kernel::Buffer::copy_of(bytes)};
  TRY(kernel::write_all(f, *handle, 0, chain));
  if (!BUG(f, "controller.snapshot_not_synced")) TRY(handle->datasync(f));
  TRY(disk.rename(f, part, name));
  return disk.sync_directory(f, directory_);
}

Result<> SnapshotStore::remove_below(Fiber& f, const SnapshotId& id) {
  for (const auto& entry : TRY(f.node().disk().list(f, directory_)))
    if (const auto found = parse_snapshot_name(entry.name); found && *found < id)
      TRY(f.node().disk().unlink(f, file(entry.name)));
  return {};
}

Result<std::optional<QuorumState>> SnapshotStore::load_quorum_state(Fiber& f) {
  if (!TRY(kernel::exists(f, f.node().disk(), file(kQuorumState)))) return std::nullopt;
  const kernel::Buffer bytes = TRY(read_file(f, kQuorumState));
  return TRY(parse_quorum_state(kernel::as_text(bytes.view())));
}

Result<> SnapshotStore::save_quorum_state(Fiber& f, const QuorumState& state) {
  return kernel::replace_file(f, f.node().disk(), file(kQuorumState), kernel::as_bytes(format_quorum_state(state)));
}

}  // namespace broker::controller
