// One segment of a log: <base>.log with its <base>.index and <base>.timeindex, and <base>.txnindex if transactions were
// aborted in it. Knows where batches lie, not what they mean for producers or epochs.
//
//   segment.note_batch(header, position, index_interval_bytes);   // behind the write of the batch
//   const auto place = TRY(segment.find(f, offset));               // index, then a scan over headers
//
// Index entries are kept in memory and appended to their files a block at a time, on roll and on close: what is
// missing there after a crash is rebuilt from the segment. Index files are as long as their entries, never
// preallocated; Kafka takes them so. Older segments load theirs at the first lookup. What a .txnindex that was found
// holds is known once the log has told what it should hold (take_transactions()); until then new entries go behind.
//
// Files are opened by who needs them and stay so as long as their OpenFiles lets them. Whoever goes on with one behind a
// suspension keeps the handle.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/log/batch_scan.h"
#include "broker/log/offset_index.h"
#include "broker/log/open_files.h"
#include "broker/log/time_index.h"
#include "broker/log/transaction_index.h"
#include "kernel/disk.h"
#include "kernel/fiber.h"
#include "kernel/mutex.h"

namespace broker::log {

/// Everything that belongs to one base offset, the producer snapshot apart.
inline constexpr std::string_view kSegmentSuffixes[] = {".log", ".index", ".timeindex", ".txnindex"};

/// "00000000000000000042" and a suffix such as ".log".
std::string segment_file_name(Offset base, std::string_view suffix);
inline constexpr std::size_t kOffsetDigits = 20;
/// The offset such a name starts with; nothing for a name of another kind.
std::optional<Offset> offset_of_file(std::string_view name, std::string_view suffix);

class Segment final : private OpenFiles::Holder {
 public:
  /// `marker` stands behind every file's name: ".cleaned" while a compaction writes it.
  Segment(std::string directory, Offset base, std::uint32_t index_bytes_max, std::int64_t created_ms,
          std::string_view marker = {});
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  /// From now on its files are closed when `files` has too many; before, they stay open.
  void share(std::shared_ptr<OpenFiles> files);

  [[nodiscard]] Offset base() const { return base_; }
  [[nodiscard]] std::string path(std::string_view suffix) const;
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] std::int64_t created_ms() const { return created_ms_; }
  /// When something was last written to it, by the wall clock; of a segment that was found, when it was found.
  [[nodiscard]] std::int64_t written_ms() const { return written_ms_; }
  void note_written(std::int64_t wall_ms) { written_ms_ = wall_ms; }
  /// The largest timestamp of the first batch; -1 when it has none or is not known.
  [[nodiscard]] std::int64_t first_timestamp_ms() const { return first_timestamp_ms_; }
  /// The same, looked up where it is not known.
  kernel::Result<std::int64_t> read_first_timestamp(kernel::Fiber& f);
  /// The largest timestamp of its records; -1 when none has one. Of a closed segment that is not loaded, read from the
  /// end of its time index.
  kernel::Result<std::int64_t> largest_timestamp(kernel::Fiber& f);
  [[nodiscard]] bool index_full() const { return index_->is_full() || time_index_->is_full(); }
  [[nodiscard]] bool indexes_loaded() const { return index_.has_value(); }
  /// Loaded.
  [[nodiscard]] const OffsetIndex& index() const { return *index_; }
  [[nodiscard]] const TimeIndex& time_index() const { return *time_index_; }

  /// Creates the empty files; the directory is not synced here.
  kernel::Result<> create(kernel::Fiber& f);
  /// The open file; opened for reading when it is not.
  kernel::Result<kernel::FileHandle> file(kernel::Fiber& f);
  /// The same for writing; the segment is active from now on, until seal().
  kernel::Result<kernel::FileHandle> open_for_write(kernel::Fiber& f);
  /// It is written no more. Its files are closed once whoever has them in hand lets go, and opened again by readers.
  void seal();
  /// Sizes of what is there: trusts the files of a clean stop.
  kernel::Result<> adopt_size(kernel::Fiber& f);
  /// A .txnindex lies beside it, of which nothing is known yet but its size. After adopt_size().
  kernel::Result<> adopt_transactions(kernel::Fiber& f);
  /// Loads the indexes, or rebuilds them from batch headers where their last entries do not fit the segment. Entries in
  /// their midst are looked at by who follows them.
  kernel::Result<> load_indexes(kernel::Fiber& f);

  /// Forgets all there is to know, for a rebuild from the first batch on.
  void begin_rebuild();
  /// Loads the indexes of a segment that was being written when the process was killed, for note_batch() to go on at
  /// `position`, a border with `end`: what the files lack is added from the headers behind their last entries, what they
  /// say of `end` and above is dropped. False, and nothing is changed, when they do not fit. segment_resume.cc.
  kernel::Result<bool> resume(kernel::Fiber& f, std::uint64_t position, Offset end, std::uint32_t index_interval_bytes);
  /// A batch lies at `position`, the end so far.
  void note_batch(const net::record::BatchHeader& header, std::uint64_t position, std::uint32_t index_interval_bytes);
  /// The batches from the last index entry on, after load_indexes(): so that appending goes on as if never stopped.
  void resume_behind_index(const std::vector<BatchScan::Item>& behind);
  /// The entry that ends the time index of a segment that is not written any more.
  void close_time_index();
  void note_first_timestamp(std::int64_t timestamp_ms) { first_timestamp_ms_ = timestamp_ms; }

  /// A transaction was aborted by a marker here, behind those noted before.
  void note_aborted(const AbortedTransaction& entry) { transactions_.append(entry); }
  [[nodiscard]] bool transactions_known() const { return !unread_; }
  /// Known.
  [[nodiscard]] const TransactionIndex& transactions() const { return transactions_; }
  /// Up to here the batches are to be looked at for take_transactions(); not known.
  [[nodiscard]] std::uint64_t unread_transactions_end() const { return unread_->end; }
  /// What the log holds up to there. A file that says something else is written anew. Does nothing once it is known.
  kernel::Result<> take_transactions(kernel::Fiber& f, const TransactionIndex& from_log);
  /// Writes the .txnindex anew from memory, durably; removes it when there is nothing to say.
  kernel::Result<> rewrite_transactions(kernel::Fiber& f);

  /// Where the batch lies that holds `offset`, or the first one behind it; nothing when all are below. An index that
  /// points elsewhere is rebuilt. Errors: net::record::Reason for batches that cannot be there, io.
  kernel::Result<std::optional<BatchScan::Item>> find(kernel::Fiber& f, Offset offset);
  struct Border {
    std::uint64_t position = 0;
    Offset end{0};  ///< above all offsets before it, not above those behind it; the largest where nobody has looked
  };
  /// The last batch border at or below `limit` and not before `from`, which is a border; `order` has taken what lies
  /// before it. Damage on the way ends the search at the border before it.
  kernel::Result<Border> border_before(kernel::Fiber& f, std::uint64_t from, OffsetOrder order, std::uint64_t limit);

  /// Appends entries not yet in the files (all three) once there is a block of them, or all of them.
  kernel::Result<> write_indexes(kernel::Fiber& f, bool all);
  /// Writes .index and .timeindex anew from memory.
  kernel::Result<> rewrite_indexes(kernel::Fiber& f);
  /// The files of the indexes; that of transactions null when there is none.
  struct IndexFiles {
    kernel::FileHandle offsets, times, transactions;
  };
  /// The entry that ends the time index, then all entries: what has been written is in these files. For roll and close.
  kernel::Result<IndexFiles> finish_indexes(kernel::Fiber& f);
  /// Syncs segment and indexes.
  kernel::Result<> sync_all(kernel::Fiber& f);
  /// Whether a file of an index has been written since the segment was found, or since sync_all().
  [[nodiscard]] bool indexes_unsynced() const { return indexes_unsynced_; }
  /// Cuts the files at the batch border `position`; `end` is the offset there. Indexes are loaded, transactions known.
  /// Not synced.
  kernel::Result<> cut(kernel::Fiber& f, std::uint64_t position, Offset end);
  /// Removes the files; the directory is not synced here.
  kernel::Result<> unlink(kernel::Fiber& f);
  /// Gives all files another marker. The directory is not synced here.
  kernel::Result<> rename(kernel::Fiber& f, std::string_view marker);
  /// Its files are about to go, or others to come under their names: whoever still reads it has the open file, which is
  /// `in_hand` unless it could not be opened, and nothing is written any more. Suspends.
  kernel::Result<> retire(kernel::Fiber& f, kernel::FileHandle in_hand);
  /// Closes what nobody has in hand.
  void close_files() override;
  /// Null when it is not open.
  [[nodiscard]] kernel::FileHandle open_file() const { return file_; }

 private:
  kernel::Result<kernel::FileHandle> open(kernel::Fiber& f, std::string_view suffix, kernel::OpenMode mode) const;
  kernel::Result<IndexFiles> open_indexes(kernel::Fiber& f);
  kernel::Result<kernel::FileHandle> open_transactions(kernel::Fiber& f);
  void note_use(kernel::Fiber& f);
  kernel::Result<> write_transactions(kernel::Fiber& f);
  kernel::Result<> replace_transactions(kernel::Fiber& f);
  /// Whether the last entries are of batches that are there, and no batch behind them is younger; as far as those
  /// batches can be read.
  kernel::Result<bool> fits(kernel::Fiber& f, const OffsetIndex& index, const TimeIndex& time_index);
  /// Whether the batch that the last entry of a time index speaks of is there.
  kernel::Result<bool> holds_youngest(kernel::Fiber& f, const OffsetIndex& index, const TimeIndex::Entry& youngest);
  /// `replace`: also indexes that are loaded, unless the segment is written.
  kernel::Result<> rebuild_from_headers(kernel::Fiber& f, bool replace = false);
  /// Notes all batches in `fresh`, whose indexes are then those of this segment.
  kernel::Result<> scan_headers(kernel::Fiber& f, Segment& fresh);
  void take_indexes(Segment& fresh);
  /// find() from where `entry` says. `entry_holds`: a batch lies there that can be the entry's.
  kernel::Result<std::optional<BatchScan::Item>> find_from(kernel::Fiber& f, OffsetIndex::Entry entry, Offset offset,
                                                           bool& entry_holds);
  /// Whether what `scan` comes to fits behind what `order` has taken: no checksum covers where a batch begins.
  static kernel::Result<> confirm(kernel::Fiber& f, BatchScan scan, OffsetOrder order, bool is_gap);

  std::string directory_;
  std::string marker_;
  Offset base_;
  std::uint32_t index_bytes_max_;
  std::int64_t created_ms_;
  std::int64_t written_ms_;
  std::optional<std::int64_t> last_indexed_ms_;  ///< what largest_timestamp() has read
  bool retired_ = false;
  kernel::Mutex rewriting_;  ///< of index files that were found wanting
  std::int64_t first_timestamp_ms_ = -1;
  std::uint64_t size_bytes_ = 0;
  std::optional<OffsetIndex> index_;
  std::optional<TimeIndex> time_index_;
  std::size_t index_written_ = 0;       // entries in the file
  std::size_t time_index_written_ = 0;
  std::uint64_t unindexed_bytes_ = 0;   // since the last entry
  struct Unread {
    std::size_t entries;  ///< room they take in the file
    std::uint64_t end;    ///< of the segment when it was found
  };
  TransactionIndex transactions_;
  std::optional<Unread> unread_;            // what the file holds before transactions_
  std::size_t transactions_written_ = 0;    // of transactions_, in the file
  bool has_transaction_file_ = false;
  kernel::Mutex writing_transactions_;
  std::int64_t max_timestamp_ms_ = -1;
  Offset max_timestamp_offset_;
  bool active_ = false;  ///< somebody appends
  bool indexes_unsynced_ = false;
  std::shared_ptr<OpenFiles> files_;  ///< null: they stay open
  kernel::FileHandle file_;
  bool file_is_writable_ = false;
  kernel::FileHandle index_file_;
  kernel::FileHandle time_index_file_;
  kernel::FileHandle transaction_file_;
};
using SegmentRef = std::shared_ptr<Segment>;

}  // namespace broker::log
