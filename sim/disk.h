// A machine's simulated disk: the doors of kernel/disk.h over a DiskImage, with time and trouble. An operation is
// issued, takes its time, and acts on the image when it completes. It completes even if nobody waits any more.
//
// A machine may have several disks: add_volume(path) puts another one at a directory, and each has its own trouble. All
// volumes keep their bytes in one image; with the `ordered` personality they share its journal too.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>

#include "kernel/disk.h"
#include "kernel/random.h"
#include "kernel/time.h"
#include "sim/disk_image.h"

namespace sim {

class Machine;
class World;

/// Trouble, as rates per million operations and as states. All off by default.
struct DiskFaults {
  std::uint32_t read_error_ppm = 0;     ///< EIO, transient
  std::uint32_t write_error_ppm = 0;    ///< EIO
  std::uint32_t sync_error_ppm = 0;     ///< EIO, and the dirty pages are silently forgotten
  std::uint32_t short_io_ppm = 0;       ///< a read or write does only part of what was asked
  std::uint32_t slow_factor = 1;        ///< latencies are multiplied
  bool full = false;                    ///< no write that needs a new page succeeds
  bool hung = false;                    ///< nothing completes until this ends
  std::uint32_t lost_write_ppm = 0;     ///< of pages that are synced; what a device does silently (sim::Damage)
  std::uint32_t misdirected_ppm = 0;
  std::uint32_t stale_ppm = 0;
  bool no_descriptors = false;          ///< nothing can be opened, listed, or synced by name: of the process, so of all its disks
  bool read_only = false;               ///< as after a remount: what would change anything fails, and so does a sync
  std::uint64_t capacity_bytes = 1ull << 40;
};

class SimDisk final : public kernel::Disk {
 public:
  explicit SimDisk(Machine& machine);
  ~SimDisk() override;

  kernel::Result<kernel::FileHandle> open(kernel::Fiber& f, std::string_view path, kernel::OpenMode mode) override;
  kernel::Result<> rename(kernel::Fiber& f, std::string_view from, std::string_view to) override;
  kernel::Result<> unlink(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<> make_directory(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<> remove_directory(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<std::vector<kernel::DirectoryEntry>> list(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<> sync_directory(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<> sync_filesystem(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<kernel::SpaceInfo> space(kernel::Fiber& f, std::string_view path) override;
  kernel::Result<std::string> boot_id(kernel::Fiber& f) override;

  /// What is below `path` lies on a disk of its own from now on.
  void add_volume(std::string path) { volumes_.push_back({.path = std::move(path)}); }
  [[nodiscard]] std::size_t volumes() const { return volumes_.size(); }
  /// How often an operation there has failed because of its trouble: EIO, no space, read-only.
  [[nodiscard]] std::uint64_t errors_told(std::size_t volume) const { return volumes_[volume].errors_told; }
  /// Volume 0 is what is on no other one.
  [[nodiscard]] DiskFaults& faults(std::size_t volume = 0) { return volumes_[volume].faults; }
  /// Ends a hang: what was held back completes.
  void unhang(std::size_t volume = 0);
  [[nodiscard]] DiskImage& image() { return image_; }
  [[nodiscard]] std::uint64_t operations_issued() const { return operations_issued_; }
  /// By the process that runs now.
  [[nodiscard]] std::uint64_t open_files() const { return open_files_; }

  /// Makes pages unreadable (DiskImage::spoil) until they are rewritten or mended.
  void spoil(kernel::Random random, std::uint32_t per_million, std::size_t volume = 0);
  void unspoil(std::size_t volume = 0) { image_.unspoil(files_of(volume)); }
  /// Silent damage comes to these files only; empty: to any.
  void damage_only(DiskImage::Choice choice) { choice_ = std::move(choice); }
  /// Damages pages that only the medium holds (DiskImage::rot) until they are written again or mended.
  void rot(kernel::Random random, std::uint32_t per_million);
  /// A new, empty disk in the place of this one; the process must be down.
  void replace();

  /// The process died: each operation in flight happens or not. With power loss, unsynced state is at stake too.
  void crash(bool power_loss);

 private:
  class SimFile;
  class Operation;
  enum class Kind : std::uint8_t;
  struct Volume {
    std::string path;  ///< empty: the first one
    DiskFaults faults;
    std::uint64_t errors_told = 0;
  };
  [[nodiscard]] std::size_t volume_of(std::string_view path) const;
  [[nodiscard]] std::vector<InodeRef> files_of(std::size_t volume, std::vector<InodeRef>* directories = nullptr) const;
  template <class T>
  kernel::Result<T> perform(kernel::Fiber& f, std::size_t volume, Kind kind, std::uint64_t subject, std::uint64_t detail,
                            kernel::Duration base, std::function<kernel::Result<T>()> act,
                            std::function<std::uint64_t(const kernel::Result<T>&)> checksum = {});
  void submit(const std::shared_ptr<Operation>& operation, kernel::Duration base);
  void complete(const std::shared_ptr<Operation>& operation);
  bool fires(std::uint32_t per_million, std::string_view mark);
  /// True, with its mark, while the file system is read-only.
  bool refuses_changes(std::size_t volume);
  /// True, with its mark, when `touches` says that the device cannot read what is needed.
  bool hits_bad_page(bool touches);
  /// What opens a file or a directory, for itself or its caller, needs one. Errors: too_many_files.
  kernel::Result<> find_descriptor();
  std::unexpected<kernel::Error> out_of_space();
  kernel::Result<std::size_t> write_now(std::size_t volume, Inode& inode, std::uint64_t position, std::span<const kernel::Buffer> chain);
  kernel::Result<> sync_now(std::size_t volume, const SyncSet& set, bool may_damage);
  /// What the device does silently with a page that it was to sync.
  struct Misfortune {
    std::uint64_t page;
    Page::Bytes shown;
    Damage kind;
  };
  std::vector<Misfortune> draw_misfortunes(std::size_t volume, const SyncSet& set);
  [[nodiscard]] bool has_room_for(std::size_t volume, const Inode& inode, std::uint64_t position, std::size_t length) const;

  Machine& machine_;
  World& world_;
  DiskImage image_;
  std::deque<Volume> volumes_{1};
  DiskImage::Choice choice_;
  kernel::Random random_;
  kernel::Duration sync_time_;  ///< without trouble: that of the kind of device that the seed drew
  std::list<std::shared_ptr<Operation>> in_flight_;
  std::uint64_t operations_issued_ = 0;
  std::uint64_t boots_ = 1;
  std::uint64_t open_files_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace sim
