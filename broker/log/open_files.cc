#include "broker/log/open_files.h"

#include "kernel/node.h"

namespace broker::log {

using kernel::Fiber;
using kernel::Result;

void OpenFiles::used(Holder& holder, std::size_t count) {
  if (count == 0) return forget(holder);
  if (holder.files_ == 0) {
    holder.place_ = by_use_.insert(by_use_.begin(), &holder);
  } else if (holder.place_ != by_use_.begin()) {
    by_use_.splice(by_use_.begin(), by_use_, holder.place_);
  }
  count_ += count - holder.files_;
  holder.files_ = count;
  while (count_ > files_max_ && by_use_.back() != &holder) close_oldest();
}

void OpenFiles::forget(Holder& holder) {
  if (holder.files_ == 0) return;
  by_use_.erase(holder.place_);
  count_ -= std::exchange(holder.files_, 0);
}

void OpenFiles::close_oldest() {
  Holder& oldest = *by_use_.back();
  forget(oldest);
  oldest.close_files();
}

bool OpenFiles::close_some() {
  const std::size_t before = count_;
  const std::size_t leave = before - before / 4;
  while (!by_use_.empty() && (count_ == before || count_ > leave)) close_oldest();
  return before > 0;
}

Result<kernel::FileHandle> OpenFiles::open(Fiber& f, const std::string& path, kernel::OpenMode mode) {
  kernel::Disk& disk = f.node().disk();
  auto opened = disk.open(f, path, mode);
  if (opened || !opened.error().is(kernel::Errc::too_many_files) || !close_some()) return opened;
  f.node().mark("broker.log.closed_for_descriptor");
  return disk.open(f, path, mode);
}

}  // namespace broker::log
