// The segment files that the logs of one shard and directory keep open: those used last, up to a bound. Without it every
// log that was ever touched, and every segment that was ever read, would hold its descriptors.
//
//   files->used(segment, 2);            // it has two open now; whoever was used longest ago closes its own
//   const auto file = TRY(files->open(f, path, mode));   // where descriptors are short, others give theirs first
//
// A holder is told to close at any moment in which its fibers are suspended: who goes on with a file keeps the handle.
#pragma once

#include <list>
#include <string>

#include "kernel/disk.h"
#include "kernel/fiber.h"

namespace broker::log {

class OpenFiles {
 public:
  /// So many are open at a time before they are closed. What is in somebody's hand, or waits to be synced, comes on top.
  static constexpr std::size_t kFilesMax = 2000;

  class Holder {
   public:
    virtual void close_files() = 0;

   protected:
    ~Holder() = default;

   private:
    friend class OpenFiles;
    std::list<Holder*>::iterator place_;
    std::size_t files_ = 0;  ///< 0: not in the list
  };

  explicit OpenFiles(std::size_t files_max = kFilesMax) : files_max_{files_max} {}
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  /// `holder` has just used its files, of which `count` are open.
  void used(Holder& holder, std::size_t count);
  /// It has closed them, or they are not to be closed from here any more.
  void forget(Holder& holder);
  /// Closes the quarter that was used longest ago; false when there was nothing to close.
  bool close_some();
  /// Opens a file; where there is no descriptor, after close_some(). Errors: those of Disk::open().
  kernel::Result<kernel::FileHandle> open(kernel::Fiber& f, const std::string& path, kernel::OpenMode mode);
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  void close_oldest();

  std::size_t files_max_;
  std::size_t count_ = 0;
  std::list<Holder*> by_use_;  ///< the one used last in front
};

}  // namespace broker::log
