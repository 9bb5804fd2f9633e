#include "broker/log/segment.h"

#include <limits>

#include <fmt/format.h>

#include "broker/log/text_lines.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Buffer;
using kernel::Fiber;
using kernel::FileHandle;
using kernel::OpenMode;
using kernel::Result;
using net::record::BatchHeader;

namespace {
constexpr std::size_t kIndexBlockEntries = 512;
constexpr std::uint64_t kIndexedPositionMax = std::numeric_limits<std::int32_t>::max();
/// So much behind a batch has to follow it before a gap in front of it is believed: more than a page that is another
/// one's holds.
constexpr std::uint64_t kGapConfirmedBytes = 16 * 1024;
}

std::string segment_file_name(Offset base, std::string_view suffix) {
  return fmt::format("{:020}{}", base.raw(), suffix);
}

std::optional<Offset> offset_of_file(std::string_view name, std::string_view suffix) {
  if (name.size() != kOffsetDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  const auto offset = parse_number<std::int64_t>(name.substr(0, kOffsetDigits));
  return offset && *offset >= 0 ? std::optional{Offset{*offset}} : std::nullopt;
}

Segment::Segment(std::string directory, Offset base, std::uint32_t index_bytes_max, std::int64_t created_ms,
                 std::string_view marker)
    : directory_{std::move(directory)},
      marker_{marker},
      base_{base},
      index_bytes_max_{std::max<std::uint32_t>(index_bytes_max, 2 * TimeIndex::kEntryBytes)},
      created_ms_{created_ms},
      written_ms_{created_ms},
      max_timestamp_offset_{base} {}

Segment::~Segment() {
  if (files_ != nullptr) files_->forget(*this);
}

void Segment::share(std::shared_ptr<OpenFiles> files) {
  CHECK(files_ == nullptr);
  files_ = std::move(files);
}

std::string Segment::path(std::string_view suffix) const {
  return directory_ + "/" + segment_file_name(base_, suffix) + marker_;
}

Result<FileHandle> Segment::open(Fiber& f, std::string_view suffix, OpenMode mode) const {
  return files_ != nullptr ? files_->open(f, path(suffix), mode) : f.node().disk().open(f, path(suffix), mode);
}

void Segment::note_use(Fiber& f) {
  if (files_ == nullptr || retired_) return;
  const auto is_open = [](const FileHandle& file) { return file != nullptr ? std::size_t{1} : 0; };
  files_->used(*this, is_open(file_) + is_open(index_file_) + is_open(time_index_file_) + is_open(transaction_file_));
  if (f.nudge("log.files_closed_early")) files_->close_some();
}

void Segment::close_files() {
  file_.reset();
  file_is_writable_ = false;
  index_file_.reset();
  time_index_file_.reset();
  transaction_file_.reset();
  if (files_ != nullptr) files_->forget(*this);
}

void Segment::seal() {
  active_ = false;
  close_files();
}

Result<> Segment::create(Fiber& f) {
  begin_rebuild();
  file_ = TRY(open(f, ".log", OpenMode::create_empty()));
  active_ = file_is_writable_ = true;
  note_use(f);
  return rewrite_indexes(f);
}

Result<FileHandle> Segment::file(Fiber& f) {
  FileHandle in_hand = file_;
  if (in_hand == nullptr) {
    in_hand = TRY(open(f, ".log", OpenMode::read_only()));
    // Retired meanwhile, it has its file, and the name may be another one's.
    if (file_ == nullptr) file_ = in_hand;
    else in_hand = file_;
  }
  note_use(f);
  return in_hand;
}

Result<FileHandle> Segment::open_for_write(Fiber& f) {
  FileHandle in_hand = file_;
  if (!file_is_writable_) {
    in_hand = TRY(open(f, ".log", OpenMode::read_write()));
    file_ = in_hand;
    file_is_writable_ = true;
  }
  active_ = true;
  note_use(f);
  return in_hand;
}

Result<> Segment::adopt_size(Fiber& f) {
  const FileHandle opened = TRY(open(f, ".log", OpenMode::read_only()));
  size_bytes_ = TRY(opened->size(f));
  return {};
}

Result<> Segment::adopt_transactions(Fiber& f) {
  const FileHandle opened = TRY(open(f, ".txnindex", OpenMode::read_only()));
  unread_ = {.entries = static_cast<std::size_t>(TRY(opened->size(f)) / TransactionIndex::kEntryBytes), .end = size_bytes_};
  has_transaction_file_ = true;
  return {};
}

void Segment::begin_rebuild() {
  index_.emplace(base_, index_bytes_max_ / OffsetIndex::kEntryBytes);
  time_index_.emplace(base_, index_bytes_max_ / TimeIndex::kEntryBytes);
  index_written_ = time_index_written_ = transactions_written_ = 0;
  transactions_ = {};
  unread_.reset();
  unindexed_bytes_ = size_bytes_ = 0;
  max_timestamp_ms_ = first_timestamp_ms_ = -1;
  max_timestamp_offset_ = base_;
}

void Segment::note_batch(const BatchHeader& header, std::uint64_t position, std::uint32_t index_interval_bytes) {
  CHECK(position == size_bytes_);
  if (position == 0) first_timestamp_ms_ = header.max_timestamp_ms;
  if (header.max_timestamp_ms > max_timestamp_ms_) {
    max_timestamp_ms_ = header.max_timestamp_ms;
    max_timestamp_offset_ = header.last_offset();
  }
  if (unindexed_bytes_ > index_interval_bytes && !index_->is_full() && position <= kIndexedPositionMax) {
    index_->append(header.last_offset(), static_cast<std::int32_t>(position));
    if (!time_index_->is_full() && max_timestamp_ms_ >= 0) time_index_->append(max_timestamp_ms_, max_timestamp_offset_);
    unindexed_bytes_ = 0;
  }
  unindexed_bytes_ += header.size_bytes();
  size_bytes_ += header.size_bytes();
}

Result<> Segment::load_indexes(Fiber& f) {
  if (indexes_loaded()) return {};
  if (retired_) return rebuild_from_headers(f);
  const auto read = [&](std::string_view suffix) -> Result<Buffer> {
    const FileHandle opened = TRY(open(f, suffix, OpenMode::read_only()));
    return kernel::read_all(f, *opened);
  };
  const auto index_bytes = read(".index");
  const auto time_bytes = read(".timeindex");
  if (indexes_loaded()) return {};  // somebody else did meanwhile
  for (const auto* bytes : {&index_bytes, &time_bytes}) {
    if (!*bytes && !bytes->error().is(kernel::Errc::no_such_file) && !bytes->error().is(kernel::Errc::corrupt))
      return std::unexpected(bytes->error());
  }
  if (index_bytes && time_bytes) {
    // What a file holds is as many entries as it may hold: it is not appended to unless this segment is written.
    auto index = OffsetIndex::parse(base_, index_bytes->view(), index_bytes_max_ / OffsetIndex::kEntryBytes);
    auto time_index = TimeIndex::parse(base_, time_bytes->view(), index_bytes_max_ / TimeIndex::kEntryBytes);
    const bool is_good = index && time_index && TRY(fits(f, *index, *time_index));
    if (indexes_loaded()) return {};
    if (is_good) {
      index_ = std::move(*index);
      time_index_ = std::move(*time_index);
      index_written_ = index_->size();
      time_index_written_ = time_index_->size();
      if (const auto last = time_index_->last()) {
        max_timestamp_ms_ = last->timestamp_ms;
        max_timestamp_offset_ = last->offset;
      }
      return {};
    }
  }
  f.log().info("index_rebuilt", {{"file", path(".log")}});
  return rebuild_from_headers(f);
}

Result<bool> Segment::fits(Fiber& f, const OffsetIndex& index, const TimeIndex& time_index) {
  const auto last = index.last();
  const auto youngest = time_index.last();
  if (last && static_cast<std::uint64_t>(last->position) >= size_bytes_) return false;
  BatchScan scan{TRY(file(f)), last ? static_cast<std::uint64_t>(last->position) : 0, size_bytes_};
  OffsetOrder order{base_};
  bool holds_last = !last;
  for (;;) {
    const auto item = scan.next_header(f);
    if (!item && item.error().room != kernel::Room::net) return std::unexpected(item.error());
    // A damaged batch is told to those who ask for it; whether it is the entry that is wrong, find() finds out.
    if (!item || (*item && !order.take((*item)->header))) return true;
    if (!*item) break;
    holds_last = holds_last || holds((*item)->header, last->offset);
    if ((*item)->header.max_timestamp_ms > (youngest ? youngest->timestamp_ms : -1)) return false;
  }
  if (!holds_last || (youngest && youngest->offset >= order.next())) return false;
  return youngest ? holds_youngest(f, index, *youngest) : Result<bool>{true};
}

Result<bool> Segment::holds_youngest(Fiber& f, const OffsetIndex& index, const TimeIndex::Entry& youngest) {
  BatchScan scan{TRY(file(f)), static_cast<std::uint64_t>(index.lookup(youngest.offset).position), size_bytes_};
  for (;;) {
    const auto item = scan.next_header(f);
    if (!item && item.error().room != kernel::Room::net) return std::unexpected(item.error());
    if (!item || !*item) return true;
    if ((*item)->header.last_offset() < youngest.offset) continue;
    return holds((*item)->header, youngest.offset) && (*item)->header.max_timestamp_ms == youngest.timestamp_ms;
  }
}

Result<> Segment::scan_headers(Fiber& f, Segment& fresh) {
  fresh.begin_rebuild();
  BatchScan scan{TRY(file(f)), 0, size_bytes_};
  OffsetOrder order{base_};
  while (const auto item = TRY(scan.next_header(f))) {
    TRY(order.take(item->header));
    fresh.note_batch(item->header, item->position, 4096);
  }
  return {};
}

void Segment::take_indexes(Segment& fresh) {
  index_ = std::move(fresh.index_);
  time_index_ = std::move(fresh.time_index_);
  max_timestamp_ms_ = fresh.max_timestamp_ms_;
  max_timestamp_offset_ = fresh.max_timestamp_offset_;
  first_timestamp_ms_ = fresh.first_timestamp_ms_;
  unindexed_bytes_ = fresh.unindexed_bytes_;
}

Result<> Segment::rebuild_from_headers(Fiber& f, bool replace) {
  Segment fresh{directory_, base_, index_bytes_max_, created_ms_};
  TRY(scan_headers(f, fresh));
  // Whoever writes the files anew must find in memory what it began with.
  const auto lock = TRY(rewriting_.lock(f));
  if (indexes_loaded() && (!replace || active_ || fresh.size_bytes_ != size_bytes_)) return {};
  // The files on disk are not what we hold now; they are written anew before anything is appended to them.
  fresh.close_time_index();
  take_indexes(fresh);
  return retired_ ? Result<>{} : rewrite_indexes(f);
}

Result<std::int64_t> Segment::read_first_timestamp(Fiber& f) {
  if (first_timestamp_ms_ >= 0 || size_bytes_ == 0) return first_timestamp_ms_;
  BatchScan scan{TRY(file(f)), 0, size_bytes_};
  if (const auto first = TRY(scan.next_header(f))) first_timestamp_ms_ = first->header.max_timestamp_ms;
  return first_timestamp_ms_;
}

Result<std::int64_t> Segment::largest_timestamp(Fiber& f) {
  if (indexes_loaded()) return max_timestamp_ms_;
  if (last_indexed_ms_) return *last_indexed_ms_;
  const auto read_last = [&]() -> Result<std::int64_t> {
    const FileHandle opened = TRY(open(f, ".timeindex", OpenMode::read_only()));
    const std::uint64_t size = TRY(opened->size(f));
    if (size < TimeIndex::kEntryBytes || size % TimeIndex::kEntryBytes != 0) return 0;
    const Buffer entry = TRY(kernel::read_exactly(f, *opened, size - TimeIndex::kEntryBytes, TimeIndex::kEntryBytes));
    return kernel::load_be<std::int64_t>(entry.data());
  };
  const auto last = read_last();
  if (last && *last > 0) return *(last_indexed_ms_ = *last);
  // Missing, empty, or room that was never filled: the batches tell.
  TRY(load_indexes(f));
  return max_timestamp_ms_;
}

Result<> Segment::retire(Fiber& f, FileHandle in_hand) {
  const auto lock = TRY(rewriting_.lock(f));
  retired_ = true;
  if (files_ != nullptr) files_->forget(*this);
  file_ = std::move(in_hand);
  return {};
}

Result<> Segment::rename(Fiber& f, std::string_view marker) {
  for (const std::string_view suffix : kSegmentSuffixes) {
    const auto renamed = f.node().disk().rename(f, path(suffix), directory_ + "/" + segment_file_name(base_, suffix) + std::string{marker});
    if (!renamed && !renamed.error().is(kernel::Errc::no_such_file)) return renamed;
  }
  marker_ = marker;
  return {};
}

Result<std::optional<BatchScan::Item>> Segment::find(Fiber& f, Offset offset) {
  TRY(load_indexes(f));
  bool entry_holds = false;
  auto found = find_from(f, index_->lookup(offset), offset, entry_holds);
  if (found || found.error().room != kernel::Room::net || entry_holds) return found;
  // No batch, or another one, where the index says: damaged is the index or the segment, and the headers know. The
  // index of a segment that is written stays: whoever appends is adding to it.
  if (active_) return find_from(f, {base_, 0}, offset, entry_holds);
  f.log().info("index_rebuilt", {{"file", path(".log")}, {"error", found.error()}});
  TRY(rebuild_from_headers(f, /*replace=*/true));
  return find_from(f, index_->lookup(offset), offset, entry_holds);
}

Result<std::optional<BatchScan::Item>> Segment::find_from(Fiber& f, OffsetIndex::Entry entry, Offset offset,
                                                          bool& entry_holds) {
  const bool is_indexed = entry.position > 0;
  entry_holds = !is_indexed;
  BatchScan scan{TRY(file(f)), static_cast<std::uint64_t>(entry.position), size_bytes_};
  OffsetOrder order{base_};
  while (auto item = TRY(scan.next_header(f))) {
    const BatchHeader& header = item->header;
    // Behind another without a gap, or just what an entry says: then it is where it belongs.
    const bool is_placed = header.base_offset == order.next() || (is_indexed && header.last_offset() == entry.offset);
    TRY(order.take(header));
    if (!entry_holds && header.last_offset() >= entry.offset) {
      // Compaction leaves gaps, yet never where an entry points.
      if (!holds(header, entry.offset)) return kernel::fail(net::record::Reason::offset_gap, header.base_offset.raw());
      entry_holds = true;
    }
    if (header.last_offset() < offset + (BUG(f, "log.find_passes_last_record") ? 1 : 0)) continue;
    if (!is_placed) TRY(confirm(f, scan, order, /*is_gap=*/header.base_offset > offset));
    return item;
  }
  if (!entry_holds) return kernel::fail(net::record::Reason::offset_gap, entry.offset.raw());
  return std::nullopt;
}

Result<> Segment::confirm(Fiber& f, BatchScan scan, OffsetOrder order, bool is_gap) {
  const std::uint64_t enough = scan.position() + kGapConfirmedBytes;
  do {
    const auto behind = scan.next_header(f);
    // When the one behind is damaged it tells nothing, and a gap is too much to believe.
    if (!behind) return behind.error().room == kernel::Room::net && !is_gap ? Result<>{} : std::unexpected(behind.error());
    if (!*behind) return {};
    TRY(order.take((*behind)->header));
  } while (is_gap && scan.position() < enough);
  return {};
}

Result<Segment::Border> Segment::border_before(Fiber& f, std::uint64_t from, OffsetOrder order, std::uint64_t limit) {
  if (limit >= size_bytes_) return Border{size_bytes_, Offset{std::numeric_limits<std::int64_t>::max()}};
  TRY(load_indexes(f));
  const auto walk = [&](std::uint64_t start, OffsetOrder behind, bool& is_whole) -> Result<Border> {
    BatchScan scan{TRY(file(f)), start, size_bytes_};
    Border border{start, behind.next()};
    for (;;) {
      const auto item = scan.next_header(f);
      if (!item && item.error().room != kernel::Room::net) return std::unexpected(item.error());
      is_whole = item && (!*item || behind.take((*item)->header));
      if (!is_whole || !*item) return border;
      border.end = (*item)->header.base_offset;
      if (scan.position() > limit) return border;
      border = {scan.position(), behind.next()};
    }
  };
  bool is_whole = false;
  const auto indexed = static_cast<std::uint64_t>(index_->floor_position(limit));
  if (indexed > from) {
    const Border border = TRY(walk(indexed, order, is_whole));
    if (is_whole) return border;
  }
  // Whatever is damaged, the index or a batch: what lies before it can be had.
  return walk(from, order, is_whole);
}

Result<Segment::IndexFiles> Segment::open_indexes(Fiber& f) {
  IndexFiles in_hand{index_file_, time_index_file_, nullptr};
  if (in_hand.offsets == nullptr) index_file_ = in_hand.offsets = TRY(open(f, ".index", OpenMode::create_or_open()));
  if (in_hand.times == nullptr) time_index_file_ = in_hand.times = TRY(open(f, ".timeindex", OpenMode::create_or_open()));
  note_use(f);
  return in_hand;
}

Result<FileHandle> Segment::open_transactions(Fiber& f) {
  FileHandle in_hand = transaction_file_;
  if (in_hand == nullptr) transaction_file_ = in_hand = TRY(open(f, ".txnindex", OpenMode::create_or_open()));
  note_use(f);
  return in_hand;
}

Result<> Segment::write_indexes(Fiber& f, bool all) {
  const std::size_t entries = index_->size();
  const std::size_t times = time_index_->size();
  if (!all && entries < index_written_ + kIndexBlockEntries) return {};
  const auto write = [&](kernel::File& to, auto& index, std::size_t from, std::size_t end) -> Result<> {
    using Index = std::decay_t<decltype(index)>;
    std::vector<std::byte> bytes;
    for (std::size_t i = from; i < end; ++i) {
      const auto entry = index.encode_entry(i);
      bytes.insert(bytes.end(), entry.begin(), entry.end());
    }
    const std::array<Buffer, 1> chain{Buffer::copy_of(bytes)};
    indexes_unsynced_ = true;
    return kernel::write_all(f, to, from * Index::kEntryBytes, chain);
  };
  if (time_index_written_ < times || index_written_ < entries) {
    const IndexFiles files = TRY(open_indexes(f));
    // Times first: resume() counts on them as far as the other index goes.
    if (time_index_written_ < times) TRY(write(*files.times, *time_index_, time_index_written_, times));
    time_index_written_ = times;
    if (index_written_ < entries) TRY(write(*files.offsets, *index_, index_written_, entries));
    index_written_ = entries;
  }
  return write_transactions(f);
}

Result<> Segment::write_transactions(Fiber& f) {
  if (transactions_written_ == transactions_.size()) return {};
  const auto lock = TRY(writing_transactions_.lock(f));
  const std::size_t entries = transactions_.size();
  if (transactions_written_ >= entries) return {};
  const FileHandle file = TRY(open_transactions(f));
  has_transaction_file_ = indexes_unsynced_ = true;
  const std::size_t before = (unread_ ? unread_->entries : 0) + transactions_written_;
  const std::array<Buffer, 1> chain{Buffer::copy_of(transactions_.encode(transactions_written_))};
  TRY(kernel::write_all(f, *file, before * TransactionIndex::kEntryBytes, chain));
  transactions_written_ = entries;
  return {};
}

Result<> Segment::take_transactions(Fiber& f, const TransactionIndex& from_log) {
  // Whoever retires the segment waits for this one, as whoever writes new entries does.
  const auto names = TRY(rewriting_.lock(f));
  const auto lock = TRY(writing_transactions_.lock(f));
  if (!unread_) return {};
  TransactionIndex all = from_log;
  for (const AbortedTransaction& entry : transactions_.entries()) all.append(entry);
  TransactionIndex written = all;
  if (transactions_written_ < transactions_.size()) written.truncate(transactions_.entries()[transactions_written_].marker);
  bool is_good = retired_;
  if (!retired_) {
    const auto read = [&]() -> Result<Buffer> {
      const FileHandle opened = TRY(open(f, ".txnindex", OpenMode::read_only()));
      return kernel::read_all(f, *opened);
    };
    const auto bytes = read();
    if (!bytes && !bytes.error().is(kernel::Errc::no_such_file) && !bytes.error().is(kernel::Errc::corrupt))
      return std::unexpected(bytes.error());
    const auto found = bytes ? TransactionIndex::parse(bytes->view()) : Result<TransactionIndex>{std::unexpected(bytes.error())};
    is_good = found && *found == written;
  }
  // More may have been noted while the file was read.
  for (std::size_t i = all.size() - from_log.size(); i < transactions_.size(); ++i) all.append(transactions_.entries()[i]);
  transactions_written_ += from_log.size();
  transactions_ = std::move(all);
  unread_.reset();
  if (is_good) return {};
  f.log().info("index_rebuilt", {{"file", path(".txnindex")}});
  f.node().mark("broker.log.transaction_index_rebuilt");
  return replace_transactions(f);
}

Result<> Segment::rewrite_transactions(Fiber& f) {
  CHECK(!unread_);
  const auto lock = TRY(writing_transactions_.lock(f));
  return replace_transactions(f);
}

Result<> Segment::replace_transactions(Fiber& f) {
  transaction_file_.reset();
  if (transactions_.empty()) {
    transactions_written_ = 0;
    if (!std::exchange(has_transaction_file_, false)) return {};
    const auto gone = f.node().disk().unlink(f, path(".txnindex"));
    return gone || gone.error().is(kernel::Errc::no_such_file) ? Result<>{} : gone;
  }
  const std::size_t entries = transactions_.size();
  TRY(kernel::replace_file(f, f.node().disk(), path(".txnindex"), transactions_.encode()));
  has_transaction_file_ = true;
  transactions_written_ = entries;
  return {};
}

Result<> Segment::rewrite_indexes(Fiber& f) {
  const IndexFiles files = TRY(open_indexes(f));
  indexes_unsynced_ = true;
  TRY(files.offsets->truncate(f, 0));
  TRY(files.times->truncate(f, 0));
  index_written_ = time_index_written_ = 0;
  return write_indexes(f, /*all=*/true);
}

void Segment::resume_behind_index(const std::vector<BatchScan::Item>& behind) {
  unindexed_bytes_ = 0;
  for (const BatchScan::Item& item : behind) {
    unindexed_bytes_ += item.header.size_bytes();
    if (item.header.max_timestamp_ms <= max_timestamp_ms_) continue;
    max_timestamp_ms_ = item.header.max_timestamp_ms;
    max_timestamp_offset_ = item.header.last_offset();
  }
}

void Segment::close_time_index() {
  const auto last = time_index_->last();
  if (max_timestamp_ms_ < 0 || (last && last->timestamp_ms >= max_timestamp_ms_)) return;
  time_index_->append(max_timestamp_ms_, max_timestamp_offset_, /*closing=*/true);
  time_index_written_ = std::min(time_index_written_, time_index_->size() - 1);
}

Result<Segment::IndexFiles> Segment::finish_indexes(Fiber& f) {
  TRY(load_indexes(f));
  close_time_index();
  TRY(write_indexes(f, /*all=*/true));
  // Also what was written before they were closed has to be synced.
  IndexFiles files = TRY(open_indexes(f));
  if (has_transaction_file_) files.transactions = TRY(open_transactions(f));
  return files;
}

Result<> Segment::sync_all(Fiber& f) {
  TRY(TRY(open_for_write(f))->datasync(f));
  const IndexFiles files = TRY(open_indexes(f));
  TRY(files.offsets->datasync(f));
  if (has_transaction_file_) TRY(TRY(open_transactions(f))->datasync(f));
  TRY(files.times->datasync(f));
  indexes_unsynced_ = false;
  return {};
}

Result<> Segment::cut(Fiber& f, std::uint64_t position, Offset end) {
  CHECK(position <= size_bytes_);
  const FileHandle segment = TRY(open_for_write(f));
  TRY(segment->truncate(f, position));
  size_bytes_ = position;
  CHECK(!unread_);
  transactions_.truncate(end);
  TRY(rewrite_transactions(f));
  index_->truncate(end);
  // The largest timestamp may have gone with the tail: what is left says what it was, from the last entry on.
  time_index_->truncate(end);
  const auto last_time = time_index_->last();
  max_timestamp_ms_ = last_time ? last_time->timestamp_ms : -1;
  max_timestamp_offset_ = last_time ? last_time->offset : base_;
  const auto last_entry = index_->last();
  if (last_entry && static_cast<std::uint64_t>(last_entry->position) >= position) {
    // An entry that was damaged and points behind the cut: the next one could not follow it.
    Segment fresh{directory_, base_, index_bytes_max_, created_ms_};
    TRY(scan_headers(f, fresh));
    take_indexes(fresh);
    return rewrite_indexes(f);
  }
  const std::uint64_t indexed = last_entry ? static_cast<std::uint64_t>(last_entry->position) : 0;
  const auto from = static_cast<std::uint64_t>(index_->lookup(max_timestamp_offset_).position);
  BatchScan scan{segment, std::min(from, indexed), size_bytes_};
  while (const auto item = TRY(scan.next_header(f))) {
    if (item->header.max_timestamp_ms <= max_timestamp_ms_) continue;
    max_timestamp_ms_ = item->header.max_timestamp_ms;
    max_timestamp_offset_ = item->header.last_offset();
  }
  unindexed_bytes_ = position - indexed;
  if (position == 0) first_timestamp_ms_ = -1;
  return rewrite_indexes(f);
}

Result<> Segment::unlink(Fiber& f) {
  for (const std::string_view suffix : kSegmentSuffixes) {
    const auto gone = f.node().disk().unlink(f, path(suffix));
    if (!gone && !gone.error().is(kernel::Errc::no_such_file)) return gone;
  }
  return {};
}

}  // namespace broker::log
