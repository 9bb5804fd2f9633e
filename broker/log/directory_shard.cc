#include "broker/log/directory_shard.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Fiber;
using kernel::Result;

namespace {
constexpr std::uint64_t kCompactAboveBytes = 1u << 20;
constexpr kernel::Duration kTryAgainAfter = std::chrono::milliseconds{50};
}

DirectoryShard::DirectoryShard(LogDirectory& directory, kernel::Shard& shard, kernel::Scope& scope, std::string path)
    : directory_{directory}, shard_{shard}, scope_{scope}, path_{std::move(path)},
      full_{shard.metrics().gauge("kalda_log_directory_full",
                                  "Shards whose last write found no space; they take up writing by themselves",
                                  directory_label(path_))},
      stalled_{shard.metrics().gauge("kalda_log_directory_stalled",
                                     "Shards that have waited long for a write or sync of the directory",
                                     directory_label(path_))} {}

DirectoryShard::~DirectoryShard() { CHECK(logs_.empty() || shard_.dead()); }

std::string DirectoryShard::watermark_path() const { return fmt::format("{}/{}.{}", path_, kWatermarkFile, shard_.id()); }

void DirectoryShard::enter(Log& log) { logs_.push_back(&log); }

void DirectoryShard::leave(Log& log) {
  std::erase(logs_, &log);
  std::erase(moved_, &log);
}

void DirectoryShard::forget(Log& log) {
  leave(log);
  written_.erase(log.watermark_key());
}

Result<> DirectoryShard::close(Fiber& f) {
  CHECK(logs_.empty());
  closing_ = true;
  watermark_wake_.notify_all();
  while (watermark_writer_) TRY(watermark_idle_.wait(f));
  TRY(syncs_.drain(f));
  return directory_.part(f, *this);
}

void DirectoryShard::go_offline(Fiber& f, const kernel::Error& why, std::string_view file) {
  if (!online_) return;
  f.log().error("log_directory_offline", {{"path", path_}, {"file", file}, {"error", why}});
  f.node().mark("broker.log.directory_offline");
  hear_offline();
  // The others hear of it by message; what they sync meanwhile is theirs and good.
  scope_.spawn("log_offline", [this](Fiber& teller) { directory_.spread_offline(teller, this); });
}

void DirectoryShard::note_space(Fiber& f, bool is_full, std::string_view file) {
  if (is_full == full()) return;
  full_.set(is_full ? 1 : 0);
  if (is_full) f.log().warn("log_directory_full", {{"path", path_}, {"file", file}, {"next", "records are refused until there is space"}});
  else f.log().info("log_directory_has_space", {{"path", path_}});
}

void DirectoryShard::note_descriptors(Fiber& f, bool are_short) {
  if (std::exchange(short_of_descriptors_, are_short) == are_short) return;
  if (are_short) f.log().warn("out_of_file_descriptors", {{"path", path_}, {"next", "records are refused until files are closed; raise the limit (ulimit -n)"}});
  else f.log().info("file_descriptors_again", {{"path", path_}});
}

template <class Sync>
Result<> DirectoryShard::with_a_descriptor(Fiber& f, Sync&& sync) {
  for (;;) {
    const Result<> synced = sync();
    const bool are_short = !synced && synced.error().is(kernel::Errc::too_many_files);
    note_descriptors(f, are_short);
    if (!are_short) return synced;
    f.node().mark("broker.log.sync_waits_for_descriptor");
    files_->close_some();
    TRY(f.sleep(kTryAgainAfter));
  }
}

Result<> DirectoryShard::sync_directory(Fiber& f, std::string_view path) {
  return with_a_descriptor(f, [&] { return f.node().disk().sync_directory(f, path); });
}

Result<> DirectoryShard::sync_filesystem(Fiber& f) {
  return with_a_descriptor(f, [&] { return f.node().disk().sync_filesystem(f, path_); });
}

void DirectoryShard::note_unsynced(int change) {
  unsynced_logs_ += static_cast<std::size_t>(change);
  if (change < 0 || unsynced_logs_ <= kUnsyncedLogsMax) return;
  for (Log* log : logs_) log->sync_soon();
}

void DirectoryShard::look_for_stalls(Fiber& f) {
  while (!closing_ && online_ && f.sleep(kStallLook)) {
    kernel::Mono since = syncs_.flying_since();
    for (const Log* log : logs_) since = std::min(since, log->writing_since());
    const bool is_stalled = since != kernel::kNever && f.now() - since > kStalledAfter;
    if (is_stalled == stalled()) continue;
    stalled_.set(is_stalled ? 1 : 0);
    if (is_stalled) f.node().mark("broker.log.directory_stalled");
    if (is_stalled) {
      f.log().warn("log_directory_stalled", {{"path", path_}, {"next", "what is written there waits; look at the disk"}});
    } else {
      f.log().info("log_directory_goes_on", {{"path", path_}});
    }
  }
}

void DirectoryShard::hear_offline() {
  if (!online_) return;
  online_ = false;
  watermark_wake_.notify_all();
  for (Log* log : logs_) log->wake_everybody();
}

void DirectoryShard::watermark_moved(Log& log) {
  if (std::ranges::find(moved_, &log) == moved_.end()) moved_.push_back(&log);
  if (watermark_writer_ || !online_ || closing_) return;
  watermark_writer_ = true;
  scope_.spawn("log_watermarks", [this](Fiber& f) { write_watermarks(f); });
}

void DirectoryShard::write_watermarks(Fiber& f) {
  while (!moved_.empty() && online_ && !closing_ && !f.cancelled()) {
    {
      const auto within = f.deadline_in(kWatermarkDelay);
      static_cast<void>(watermark_wake_.wait(f));
    }
    if (!online_ || closing_ || f.cancelled()) break;
    const Result<> appended = append_records(f, {});
    if (!appended && !may_pass(appended.error())) {
      if (!appended.error().is(kernel::Errc::cancelled)) go_offline(f, appended.error(), watermark_path());
      break;
    }
  }
  watermark_writer_ = false;
  watermark_idle_.notify_all();
}

Result<> DirectoryShard::append_records(Fiber& f, const std::vector<Log*>& logs) {
  const auto lock = TRY(watermark_lock_.lock(f));
  // A write that is given up goes on, and would come to lie over the next one.
  const auto whole = f.shield();
  std::vector<Log*> moved = std::exchange(moved_, {});
  for (Log* log : logs) {
    if (std::ranges::find(moved, log) == moved.end()) moved.push_back(log);
  }
  std::vector<std::byte> records;
  for (Log* log : moved) {
    const Watermark mark = log->watermark();
    written_[log->watermark_key()] = mark;
    append_record(records, log->watermark_key(), mark, ++watermark_sequence_);
  }
  if (watermark_bytes_ > kCompactAboveBytes && watermark_bytes_ > 4 * written_.size() * kWatermarkRecordBytes)
    return compact(f);
  const std::array<kernel::Buffer, 1> chain{kernel::Buffer::copy_of(records)};
  TRY(kernel::write_all(f, *watermark_file_, watermark_bytes_, chain));
  watermark_bytes_ += records.size();
  return watermark_file_->datasync(f);
}

Result<> DirectoryShard::compact(Fiber& f) {
  std::vector<std::byte> content;
  append_header(content, watermark_header_);
  for (const auto& [key, mark] : written_) append_record(content, key, mark, ++watermark_sequence_);
  TRY(kernel::replace_file(f, f.node().disk(), watermark_path(), content));
  watermark_file_ = TRY(f.node().disk().open(f, watermark_path(), kernel::OpenMode::read_write()));
  watermark_bytes_ = content.size();
  return {};
}

Result<> DirectoryShard::store_watermark(Fiber& f, Log& log) { return append_records(f, {&log}); }

}  // namespace broker::log
