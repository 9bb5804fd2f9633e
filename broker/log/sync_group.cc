#include "broker/log/sync_group.h"

#include <algorithm>

#include "broker/log/directory_shard.h"
#include "kernel/bug.h"
#include "kernel/node.h"
#include "kernel/scope.h"

namespace broker::log {

using kernel::Fiber;
using kernel::Result;

void SyncGroup::join(SyncMember& member) {
  if (!std::exchange(member.gathers_, true)) gathering_.push_back(&member);
  if (running_ || !shard_.online()) return;
  running_ = true;
  shard_.scope().spawn("log_sync", [this](Fiber& f) { run(f); });
}

void SyncGroup::leave(SyncMember& member) {
  if (std::exchange(member.gathers_, false)) std::erase(gathering_, &member);
}

bool SyncGroup::in_flight(const SyncMember& member) const {
  return std::ranges::find(flying_, &member) != flying_.end();
}

Result<> SyncGroup::drain_of(Fiber& f, SyncMember& member) {
  while (in_flight(member)) TRY(landed_.wait(f));
  return {};
}

Result<> SyncGroup::drain(Fiber& f) {
  while (running_) TRY(idle_.wait(f));
  return {};
}

void SyncGroup::run(Fiber& f) {
  while (!gathering_.empty() && shard_.online()) {
    flying_ = std::exchange(gathering_, {});
    if (flying_.size() > 1 && f.nudge("log.sync_group_of_one")) {
      gathering_.assign(flying_.begin() + 1, flying_.end());
      flying_.resize(1);
    }
    SyncWork work;
    for (SyncMember* member : flying_) {
      member->gathers_ = false;
      member->begin_sync(work);
    }
    flying_since_ = f.now();
    const Result<> synced = BUG(f, "log.skip_sync") ? Result<>{} : sync(f, work);
    flying_since_ = kernel::kNever;
    const std::vector<SyncMember*> landed = std::exchange(flying_, {});
    landed_.notify_all();
    if (!synced && !BUG(f, "log.ignore_failed_sync")) {
      // The system has forgotten which pages were dirty: a second sync would answer well and keep nothing.
      shard_.go_offline(f, synced.error(), work.files.empty() ? shard_.path() : work.files.front().path);
      break;
    }
    for (SyncMember* member : landed) member->end_sync();
  }
  running_ = false;
  idle_.notify_all();
}

Result<> SyncGroup::sync(Fiber& f, const SyncWork& work) {
  const bool directories = !work.directories.empty() && !BUG(f, "log.skip_directory_sync");
  if (work.files.size() > kFilesDirectlyMax) {
    f.node().mark("broker.log.group_of_many_files");
    return shard_.sync_filesystem(f);
  }
  if (work.files.size() == 1 && !directories) return work.files.front().file->datasync(f);
  kernel::Scope side_by_side{f};
  for (const SyncWork::DirtyFile& dirty : work.files)
    side_by_side.spawn("log_sync_file", [&dirty](Fiber& child) { return dirty.file->datasync(child); });
  if (directories) {
    for (const std::string& path : work.directories)
      side_by_side.spawn("log_sync_directory", [this, &path](Fiber& child) { return shard_.sync_directory(child, path); });
  }
  TRY(side_by_side.join(f));
  // join() passes over cancelled children: what was cancelled is not synced.
  if (f.cancelled()) return kernel::fail(kernel::Errc::cancelled);
  return {};
}

}  // namespace broker::log
