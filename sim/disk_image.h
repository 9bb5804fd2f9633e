// What a simulated disk holds: file bytes page by page with what would survive a power failure beside them, and a
// namespace with a journal of changes that are not durable yet. Pure state; timing and faults are sim/disk.h's.
//
// Pages are 4 KiB, sectors 512 B. A dirty page keeps its last durable content until a sync replaces it. Two
// personalities of metadata: `ordered` (a power failure keeps a prefix of the journal, any sync commits all of it) and
// `strict` (any subset of the operations that no sync of their directory covers survives).
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/buffer.h"
#include "kernel/disk.h"
#include "kernel/random.h"

namespace sim {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kSectorBytes = 512;

enum class Personality : std::uint8_t { ordered, strict };

/// Damage that the device does not report. The truth stays below it, so that judges can ask for it and mending is exact.
enum class Damage : std::uint8_t {
  rot,               ///< one sector of the page holds garbage
  lost_write,        ///< a write was acknowledged and synced, and what was there before is there
  misdirected_write, ///< and another page has what was written; both are damaged
  stale_read,        ///< as lost_write, while the fault lasts
};

struct Page {
  using Bytes = std::array<std::byte, kPageBytes>;
  Bytes now{};
  /// What a power failure falls back to; null while equal to `now`, or nothing was ever there (`fresh`).
  std::unique_ptr<Bytes> durable;
  bool fresh = true;       ///< no durable content at all: zeros
  bool dirty = false;      ///< differs from the durable content and will be written by a sync
  bool unreadable = false; ///< the device answers EIO until the whole page is rewritten
  /// What the device gives in place of the truth, for as long as the page is not dirty; a sync of the page heals it.
  std::unique_ptr<Bytes> damaged;
  Damage damage{};         ///< of what kind
  std::uint64_t synced_by = 0;  ///< the latest sync, by issue, that made it durable
};

struct Inode {
  std::uint64_t id = 0;
  bool is_directory = false;
  std::uint64_t size = 0;
  std::uint64_t durable_size = 0;
  std::uint64_t size_synced_by = 0;  ///< the latest sync, by issue, that made the size durable
  std::map<std::uint64_t, Page> pages;  // by page number; absent pages read as zeros
  std::map<std::string, std::shared_ptr<Inode>, std::less<>> entries;
  std::map<std::string, std::shared_ptr<Inode>, std::less<>> durable_entries;
  const void* lock_owner = nullptr;
  bool was_damaged = false;  ///< at any time, any page of it
};
using InodeRef = std::shared_ptr<Inode>;

/// What a sync will make durable, as of when it was issued.
struct SyncSet {
  InodeRef inode;
  std::uint64_t number = 0;  ///< in order of issue; one that completes late does not undo a later one
  std::uint64_t size = 0;
  std::vector<std::pair<std::uint64_t, Page::Bytes>> pages;
};

/// What the last power failure did, for coverage marks.
struct LossReport {
  std::uint64_t pages_dropped = 0, pages_kept = 0, pages_torn = 0, kept_after_dropped = 0;
  std::uint64_t sizes_without_data = 0, operations_lost = 0, operations_kept_out_of_order = 0;
};

class DiskImage {
 public:
  explicit DiskImage(Personality personality);

  [[nodiscard]] kernel::Result<InodeRef> find(std::string_view path) const;
  kernel::Result<InodeRef> create(std::string_view path, bool directory);
  kernel::Result<> unlink(std::string_view path, bool directory);
  kernel::Result<> rename(std::string_view from, std::string_view to);

  /// Bytes [position, position + length) as far as the file goes; zeros in holes. The truth: what was written.
  [[nodiscard]] kernel::Buffer read(const Inode& inode, std::uint64_t position, std::size_t length) const;
  /// The same as the device gives it. `hit` is set when that is not the truth.
  [[nodiscard]] kernel::Buffer read_device(const Inode& inode, std::uint64_t position, std::size_t length, bool& hit) const;
  void write(Inode& inode, std::uint64_t position, kernel::ByteView bytes);
  void truncate(Inode& inode, std::uint64_t size);

  /// The dirty pages and size of a file as they are now.
  [[nodiscard]] SyncSet begin_sync(const InodeRef& inode);
  /// They reached the medium. With `ordered`, so did every namespace change so far.
  void finish_sync(const SyncSet& set);
  /// The sync failed: the system forgets that these pages are dirty though the medium never got them.
  void drop_dirty(const SyncSet& set);
  void sync_directory(const InodeRef& directory);
  void sync_all_directories();
  [[nodiscard]] std::vector<InodeRef> all_files() const { return files_below(root_); }
  /// Of the tree below `directory`, but for what is below one of `except`.
  [[nodiscard]] std::vector<InodeRef> files_below(const InodeRef& directory, std::span<const InodeRef> except = {},
                                                  std::vector<InodeRef>* directories_too = nullptr) const;

  /// The machine loses power: each unsynced page, size and namespace change survives or not as `random` says.
  LossReport lose_power(kernel::Random random);

  /// Latent sector errors: of the pages that only the medium holds (what is dirty is still in memory), as many per
  /// million cannot be read any more. Answers how many.
  std::uint64_t spoil(kernel::Random random, std::uint32_t per_million, std::span<const InodeRef> files);
  /// All pages of `files` can be read again, with what they held.
  static void unspoil(std::span<const InodeRef> files);
  /// Whether damage may come to the file at this path.
  using Choice = std::function<bool(std::string_view path)>;
  /// Rot: of the pages that only the medium holds, as many per million, in files of `choice`. Answers how many.
  std::uint64_t rot(kernel::Random random, std::uint32_t per_million, const Choice& choice);
  /// What a page of `set`, which is about to be synced, holds on the medium before that.
  [[nodiscard]] static Page::Bytes before_sync(const Inode& inode, std::uint64_t page);
  /// From now on the device gives `shown` for the page. False when that is the truth, or the page is none of the
  /// medium's alone.
  bool damage(Inode& inode, std::uint64_t page, const Page::Bytes& shown, Damage kind);
  /// Ends all damage of a kind: as when the disk was exchanged for its mirror.
  void mend(Damage kind);
  void mend_all();
  /// Where the file differs from the truth first; nothing when it does not.
  [[nodiscard]] static std::optional<std::uint64_t> damaged_at(const Inode& inode);

  [[nodiscard]] static bool unreadable(const Inode& inode, std::uint64_t position, std::uint64_t length);
  /// Whether writing there needs a page that cannot be read: the rest of the page would have to come from the medium.
  [[nodiscard]] static bool write_needs_unreadable(const Inode& inode, std::uint64_t position, std::uint64_t length);

  [[nodiscard]] std::uint64_t used_bytes() const { return pages_held_ * kPageBytes; }
  [[nodiscard]] Personality personality() const { return personality_; }
  void set_personality(Personality personality) { personality_ = personality; }
  /// A checksum of everything that is on the disk now.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  struct Change {
    enum class Kind : std::uint8_t { link, unlink, rename } kind;
    InodeRef from_directory, to_directory;
    std::string from_name, to_name;
    InodeRef inode;
  };
  struct Place {
    InodeRef directory;
    std::string name;
  };
  kernel::Result<Place> place_of(std::string_view path) const;
  static void apply(const Change& change);
  void settle_pages(Inode& inode, kernel::Random& random, LossReport& report);
  void settle_tree(const InodeRef& directory, kernel::Random& random, LossReport& report);
  void drop_pages_from(Inode& inode, std::uint64_t first_page);

  Personality personality_;
  InodeRef root_;
  std::vector<Change> journal_;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_sync_ = 1;
  std::uint64_t pages_held_ = 0;
};

}  // namespace sim
