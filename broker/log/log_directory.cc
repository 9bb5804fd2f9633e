#include "broker/log/log_directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/log/checkpoint_files.h"
#include "broker/log/text_lines.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Buffer;
using kernel::Errc;
using kernel::Fiber;
using kernel::FileHandle;
using kernel::OpenMode;
using kernel::Result;

namespace {

constexpr std::string_view kCleanShutdown = ".kafka_cleanshutdown";
constexpr std::string_view kMetaProperties = "meta.properties";
constexpr std::string_view kRecoveryPoints = "recovery-point-offset-checkpoint";
constexpr std::string_view kLogStarts = "log-start-offset-checkpoint";
constexpr std::string_view kHighWatermarks = "replication-offset-checkpoint";
constexpr std::string_view kCleaned = "cleaner-offset-checkpoint";
constexpr std::string_view kDeleteSuffix = "-delete";
constexpr std::string_view kStraySuffix = "-stray";
constexpr std::size_t kFileNameMax = 255;
constexpr std::size_t kHexBytes = 32;

/// The whole file; nothing when there is none.
Result<std::optional<std::string>> read_text(Fiber& f, const std::string& path) {
  const auto file = f.node().disk().open(f, path, OpenMode::read_only());
  if (!file) {
    if (file.error().is(Errc::no_such_file)) return std::nullopt;
    return std::unexpected(file.error());
  }
  const Buffer bytes = TRY(kernel::read_all(f, **file));
  return std::string{kernel::as_text(bytes.view())};
}

net::Uuid random_uuid(Fiber& f, std::string_view purpose) {
  auto random = f.node().random(kernel::Domain::application, kernel::hash64(purpose));
  return {random.u64(), random.u64() | 1};
}

}  // namespace

std::string_view name_of(LogDirectoryReason reason) {
  switch (reason) {
    case LogDirectoryReason::foreign_cluster: return "foreign_cluster";
    case LogDirectoryReason::foreign_node: return "foreign_node";
    case LogDirectoryReason::damaged_identity: return "damaged_identity";
    case LogDirectoryReason::missing_identity: return "missing_identity";
    case LogDirectoryReason::newer_format: return "newer_format";
    case LogDirectoryReason::newer_identity: return "newer_identity";
    case LogDirectoryReason::older_identity: return "older_identity";
    case LogDirectoryReason::duplicate_identity: return "duplicate_identity";
  }
  std::unreachable();
}

std::string directory_label(std::string_view path) {
  std::string label = "directory=\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') label += '\\';
    label += c == '\n' ? ' ' : c;
  }
  return label + '"';
}

std::string partition_directory_name(std::string_view topic, net::PartitionId partition) {
  return fmt::format("{}-{}", topic, partition.raw());
}

std::optional<std::pair<std::string, net::PartitionId>> parse_partition_directory(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == name.npos || dash == 0) return std::nullopt;
  const auto partition = parse_number<std::int32_t>(name.substr(dash + 1));
  if (!partition || *partition < 0) return std::nullopt;
  return std::pair{std::string{name.substr(0, dash)}, net::PartitionId{*partition}};
}

namespace {
std::string marked_directory_name(const LogIdentity& identity, std::string_view mark) {
  const net::Uuid id = identity.topic_id.raw();
  const std::string tail = fmt::format("-{}.{:016x}{:016x}{}", identity.partition.raw(), id.high, id.low, mark);
  return identity.topic.substr(0, kFileNameMax - tail.size()) + tail;
}
}  // namespace

std::string deleted_directory_name(const LogIdentity& identity) { return marked_directory_name(identity, kDeleteSuffix); }
std::string stray_directory_name(const LogIdentity& identity) { return marked_directory_name(identity, kStraySuffix); }

Result<> remove_tree(Fiber& f, const std::string& path) {
  kernel::Disk& disk = f.node().disk();
  for (const kernel::DirectoryEntry& entry : TRY(disk.list(f, path))) {
    const std::string child = path + "/" + entry.name;
    if (entry.is_directory) {
      TRY(remove_tree(f, child));
    } else {
      TRY(disk.unlink(f, child));
    }
  }
  return disk.remove_directory(f, path);
}

LogDirectory::LogDirectory(kernel::Shard& owner, std::string path)
    : owner_{owner},
      path_{std::move(path)},
      online_metric_{owner.metrics().gauge(kOnlineMetric, kOnlineMetricHelp, directory_label(path_))} {
  online_metric_.set(1);
}

LogDirectory::~LogDirectory() { CHECK(shards_.empty() || owner_.dead()); }

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(Fiber& f, std::string path, const Expected& expected) {
  kernel::Disk& disk = f.node().disk();
  TRY(kernel::make_directories(f, disk, path));
  std::unique_ptr<LogDirectory> directory{new LogDirectory{f.shard(), std::move(path)}};
  directory->lock_ = TRY(disk.open(f, directory->file(".lock"), OpenMode::create_or_open()));
  TRY(directory->lock_->lock(f));
  TRY(directory->check_identity(f, expected));
  const auto mark = TRY(read_text(f, directory->file(kCleanShutdown)));
  directory->was_clean_ = mark.has_value();
  if (mark) directory->previous_broker_epoch_ = parse_clean_shutdown(*mark);
  TRY(directory->read_watermarks(f, mark.has_value()));
  TRY(directory->read_checkpoints(f));
  // First our note, then the mark: killed in between we find "running" beside a mark, which is clean and void.
  TRY(directory->write_base_watermarks(f, WatermarkHeader::State::running));
  if (mark) {
    TRY(disk.unlink(f, directory->file(kCleanShutdown)));
    TRY(disk.sync_directory(f, directory->path_));
  }
  return directory;
}

Result<> LogDirectory::check_identity(Fiber& f, const Expected& expected) {
  const auto text = TRY(read_text(f, file(kMetaProperties)));
  if (text) {
    auto parsed = parse_meta_properties(*text);
    const std::int64_t version = parsed ? 1 : parsed.error().detail;
    const bool says_something = version > 0 || text->find("version=") != text->npos || text->find("broker.id=") != text->npos;
    if (!parsed && parsed.error().is(Reason::bad_version) && says_something) {
      return kernel::fail(version > 0 ? LogDirectoryReason::newer_identity : LogDirectoryReason::older_identity, version);
    }
    if (!parsed) return kernel::fail(LogDirectoryReason::damaged_identity, parsed.error().detail);
    properties_ = std::move(*parsed);
    if (!expected.cluster_id.empty() && properties_.cluster_id != expected.cluster_id)
      return kernel::fail(LogDirectoryReason::foreign_cluster);
    if (properties_.node_id != expected.node_id) return kernel::fail(LogDirectoryReason::foreign_node, properties_.node_id);
    if (properties_.directory_id) return {};
  } else {
    // Under a new identity what is here would be taken for another cluster's, or for nothing.
    for (const kernel::DirectoryEntry& entry : TRY(f.node().disk().list(f, path_))) {
      if (entry.is_directory && parse_partition_directory(entry.name)) return kernel::fail(LogDirectoryReason::missing_identity);
    }
    properties_.cluster_id = expected.cluster_id.empty() ? random_uuid(f, path_ + " cluster").text() : expected.cluster_id;
    properties_.node_id = expected.node_id;
  }
  properties_.directory_id = random_uuid(f, path_);
  return kernel::replace_file(f, f.node().disk(), file(kMetaProperties), kernel::as_bytes(format_meta_properties(properties_)));
}

Result<> LogDirectory::read_watermarks(Fiber& f, bool mark_present) {
  kernel::Disk& disk = f.node().disk();
  const std::string boot_id = TRY(disk.boot_id(f));
  std::optional<WatermarkFile> base;
  std::vector<WatermarkFile> shards;
  for (const kernel::DirectoryEntry& entry : TRY(disk.list(f, path_))) {
    if (entry.is_directory || !entry.name.starts_with(kWatermarkFile) || entry.name.ends_with(".tmp")) continue;
    const auto text = TRY(read_text(f, file(entry.name)));
    auto parsed = parse_watermarks(kernel::as_bytes(*text));
    if (!parsed) {
      if (parsed.error().is(Reason::bad_version)) return kernel::fail(LogDirectoryReason::newer_format, parsed.error().detail);
      // A shard's file that was being made when the power went holds nothing yet.
      if (entry.name == kWatermarkFile) f.log().warn("synced_watermarks_unreadable", {{"file", file(entry.name)}, {"error", parsed.error()}});
      continue;
    }
    if (entry.name == kWatermarkFile) {
      base = std::move(*parsed);
    } else {
      shards.push_back(std::move(*parsed));
    }
  }
  header_ = {.state = WatermarkHeader::State::running, .run = base ? base->header.run + 1 : 1, .boot_id = boot_id.substr(0, 36)};
  if (!base) return {};
  same_boot_ = base->header.boot_id == header_.boot_id;
  if (base->header.state != WatermarkHeader::State::running || mark_present) {
    if (!mark_present) f.log().warn("synced_watermarks_void", {{"path", path_}});
    return {};
  }
  foreign_ = false;
  watermarks_ = std::move(base->entries);
  if (same_boot_) of_boot_ = std::move(base->of_boot);
  for (WatermarkFile& shard : shards) {
    if (shard.header.run != base->header.run) continue;
    for (const auto& [key, mark] : shard.entries) watermarks_[key] = mark;
    if (same_boot_) of_boot_.merge(shard.of_boot);
  }
  return {};
}

Result<> LogDirectory::write_base_watermarks(Fiber& f, WatermarkHeader::State state) {
  kernel::Disk& disk = f.node().disk();
  header_.state = state;
  std::vector<std::byte> content;
  append_header(content, header_);
  for (const auto& [key, mark] : watermarks_) append_record(content, key, mark, of_boot_.contains(key) ? 1 : 0);
  TRY(kernel::replace_file(f, disk, file(kWatermarkFile), content));
  bool removed = false;
  for (const kernel::DirectoryEntry& entry : TRY(disk.list(f, path_))) {
    if (entry.is_directory || entry.name == kWatermarkFile || !entry.name.starts_with(kWatermarkFile)) continue;
    TRY(disk.unlink(f, file(entry.name)));
    removed = true;
  }
  return removed ? disk.sync_directory(f, path_) : Result<>{};
}

Result<> LogDirectory::read_checkpoints(Fiber& f) {
  const auto read = [&](std::string_view name, std::optional<Offset> Known::*member) -> Result<> {
    const auto text = TRY(read_text(f, file(name)));
    if (!text) return {};
    const auto entries = parse_partition_offsets(*text);
    if (!entries) {
      // Without it more is scanned, and nothing is lost.
      f.log().warn("checkpoint_unreadable", {{"file", file(name)}, {"error", entries.error()}});
      return {};
    }
    for (const PartitionOffset& entry : *entries) known_[{entry.topic, entry.partition}].*member = entry.offset;
    return {};
  };
  TRY(read(kRecoveryPoints, &Known::recovery_point));
  TRY(read(kLogStarts, &Known::log_start));
  TRY(read(kHighWatermarks, &Known::high_watermark));
  TRY(read(kCleaned, &Known::first_dirty));
  return {};
}

namespace {

Result<LogIdentity> identity_of(Fiber& f, const std::string& path, LogIdentity identity) {
  const auto text = TRY(read_text(f, path + "/partition.metadata"));
  if (!text) return identity;
  const auto topic_id = parse_partition_metadata(*text);
  if (topic_id) identity.topic_id = *topic_id;
  else f.log().warn("partition_metadata_unreadable", {{"path", path}, {"error", topic_id.error()}});
  return identity;
}

}  // namespace

Result<std::optional<LogIdentity>> LogDirectory::found_at(Fiber& f, const std::string& topic, net::PartitionId partition) {
  const std::string path = file(partition_directory_name(topic, partition));
  if (const auto listed = f.node().disk().list(f, path); !listed) {
    if (listed.error().is(Errc::no_such_file)) return std::nullopt;
    return std::unexpected(listed.error());
  }
  return TRY(identity_of(f, path, {.topic = topic, .partition = partition}));
}

Result<std::vector<LogIdentity>> LogDirectory::partitions(Fiber& f) {
  kernel::Disk& disk = f.node().disk();
  std::vector<LogIdentity> found;
  for (const kernel::DirectoryEntry& entry : TRY(disk.list(f, path_))) {
    if (!entry.is_directory) continue;
    const std::string path = file(entry.name);
    if (entry.name.ends_with(kDeleteSuffix) && entry.name.size() > kDeleteSuffix.size() + kHexBytes) {
      TRY(remove_tree(f, path));
      continue;
    }
    if (entry.name.ends_with(kStraySuffix)) continue;  // set aside before, and reported then
    const auto name = parse_partition_directory(entry.name);
    if (!name) {
      f.log().warn("unknown_directory_ignored", {{"path", path}});
      continue;
    }
    found.push_back(TRY(identity_of(f, path, {.topic = name->first, .partition = name->second})));
  }
  std::ranges::sort(found, {}, [](const LogIdentity& i) { return std::pair{std::string_view{i.topic}, i.partition}; });
  // Partitions that are gone leave the checkpoints.
  std::erase_if(known_, [&](const auto& item) {
    return !item.second.in_use && std::ranges::none_of(found, [&](const LogIdentity& i) {
      return i.topic == item.first.first && i.partition == item.first.second;
    });
  });
  return found;
}

Result<> LogDirectory::set_aside(Fiber& f, const LogIdentity& identity) {
  kernel::Disk& disk = f.node().disk();
  const std::string from = file(partition_directory_name(identity.topic, identity.partition));
  const std::string to = file(stray_directory_name(identity));
  if (const Result<> before = remove_tree(f, to); !before && !before.error().is(Errc::no_such_file)) return before;
  TRY(disk.rename(f, from, to));
  TRY(disk.sync_directory(f, path_));
  f.log().warn("stray_partition_set_aside", {{"from", from}, {"to", to}});
  return forget(f, identity);
}

Result<> LogDirectory::discard(Fiber& f, const LogIdentity& identity) {
  kernel::Disk& disk = f.node().disk();
  const std::string gone = file(deleted_directory_name(identity));
  // A removal that a crash has interrupted may have left one of the same name.
  if (const Result<> before = remove_tree(f, gone); !before && !before.error().is(Errc::no_such_file)) return before;
  TRY(disk.rename(f, file(partition_directory_name(identity.topic, identity.partition)), gone));
  TRY(disk.sync_directory(f, path_));
  // First the space, which the checkpoints may be in need of.
  const Result<> removed = remove_tree(f, gone);
  const Result<> forgotten = forget(f, identity);
  return removed ? forgotten : removed;
}

Result<std::unique_ptr<DirectoryShard>> LogDirectory::on_shard(Fiber& f, kernel::Scope& scope) {
  auto shard = std::make_unique<DirectoryShard>(*this, f.shard(), scope, path_);
  kernel::Disk& disk = f.node().disk();
  shard->watermark_header_ = header_;
  std::vector<std::byte> content;
  append_header(content, header_);
  shard->watermark_bytes_ = content.size();
  TRY(kernel::replace_file(f, disk, shard->watermark_path(), content));
  shard->watermark_file_ = TRY(disk.open(f, shard->watermark_path(), OpenMode::read_write()));
  DirectoryShard* raw = shard.get();
  TRY(kernel::call_on(f, owner_, [&](Fiber&) -> Result<> {
    if (!online_) return kernel::fail(LogReason::directory_offline);
    shards_.push_back(raw);
    return {};
  }));
  return shard;
}

Result<> LogDirectory::part(Fiber& f, DirectoryShard& shard) {
  return kernel::call_on(f, owner_, [&](Fiber&) -> Result<> {
    std::erase(shards_, &shard);
    return {};
  });
}

void LogDirectory::fail(Fiber& f, const kernel::Error& why, std::string_view file) {
  if (!online_) return;
  f.log().error("log_directory_offline", {{"path", path_}, {"file", file}, {"error", why}});
  f.node().mark("broker.log.directory_offline");
  spread_offline(f, nullptr);
}

void LogDirectory::spread_offline(Fiber& f, DirectoryShard* from) {
  // One after the other; the list may change while a shard is being told.
  std::vector<DirectoryShard*> told{from};
  const auto next = [&](Fiber&) -> DirectoryShard* {
    if (std::exchange(online_, false)) {
      online_metric_.set(0);
      if (changed_ != nullptr) changed_->notify_all();
    }
    for (DirectoryShard* shard : shards_) {
      if (std::ranges::find(told, shard) == told.end()) return shard;
    }
    return nullptr;
  };
  while (DirectoryShard* shard = kernel::call_on(f, owner_, next)) {
    told.push_back(shard);
    kernel::call_on(f, shard->shard(), [&](Fiber&) { shard->hear_offline(); return true; });
  }
}

Result<LogEvidence> LogDirectory::claim(Fiber& f, const LogIdentity& identity) {
  return kernel::call_on(f, owner_, [&](Fiber&) -> Result<LogEvidence> {
    const auto [at, is_new] = known_.try_emplace({identity.topic, identity.partition});
    Known& known = at->second;
    CHECK(!known.in_use);
    // Closed in this run, or found closed and not touched since.
    const bool claimed = claimed_.contains(at->first);
    LogEvidence evidence{.clean = known.clean || (was_clean_ && !claimed),
                         .same_boot = same_boot_ || claimed,
                         .foreign = foreign_ && !claimed};
    evidence.recovery_point = known.recovery_point.value_or(Offset{0});
    evidence.log_start = known.log_start.value_or(Offset{0});
    evidence.high_watermark = known.high_watermark.value_or(Offset{0});
    evidence.first_dirty = known.first_dirty;
    const auto mark = watermarks_.find({identity.topic_id, identity.partition});
    if (mark != watermarks_.end()) evidence.watermark = mark->second;
    evidence.killed = !evidence.foreign && of_boot_.contains({identity.topic_id, identity.partition});
    claimed_.insert(at->first);
    known.in_use = true;
    known.clean = false;
    return evidence;
  });
}

Result<> LogDirectory::release(Fiber& f, const LogIdentity& identity) {
  return kernel::call_on(f, owner_, [&](Fiber&) -> Result<> {
    // It stays unclean: whatever this directory's mark will say, its log was not closed.
    known_[{identity.topic, identity.partition}].in_use = false;
    refused_ = true;
    return {};
  });
}

void LogDirectory::note(const LogIdentity& identity, const LogOffsets& offsets) {
  Known& known = known_[{identity.topic, identity.partition}];
  known.recovery_point = offsets.recovery_point;
  // What was looked up before a move may be noted behind it.
  known.log_start = std::max(known.log_start.value_or(Offset{0}), offsets.log_start);
  known.high_watermark = offsets.high_watermark;
}

Result<> LogDirectory::note_closed(Fiber& f, const LogIdentity& identity, const LogOffsets& offsets) {
  return kernel::call_on(f, owner_, [&](Fiber&) -> Result<> {
    note(identity, offsets);
    Known& known = known_[{identity.topic, identity.partition}];
    known.in_use = false;
    known.clean = true;
    return {};
  });
}

Result<> LogDirectory::store_offsets(Fiber& f, const LogIdentity& identity, const LogOffsets& offsets) {
  return kernel::call_on(f, owner_, [&](Fiber& there) -> Result<> {
    note(identity, offsets);
    return write_checkpoints(there);
  });
}

Result<> LogDirectory::store_log_start(Fiber& f, const LogIdentity& identity, Offset start) {
  return kernel::call_on(f, owner_, [&](Fiber& there) -> Result<> {
    Known& known = known_[{identity.topic, identity.partition}];
    known.log_start = std::max(known.log_start.value_or(Offset{0}), start);
    const auto lock = TRY(writing_checkpoints_.lock(there));
    return write_checkpoint(there, kLogStarts, &Known::log_start);
  });
}

Result<> LogDirectory::store_first_dirty(Fiber& f, const LogIdentity& identity, Offset first_dirty) {
  return kernel::call_on(f, owner_, [&](Fiber& there) -> Result<> {
    known_[{identity.topic, identity.partition}].first_dirty = first_dirty;
    const auto lock = TRY(writing_checkpoints_.lock(there));
    return write_checkpoint(there, kCleaned, &Known::first_dirty);
  });
}

Result<> LogDirectory::forget(Fiber& f, const LogIdentity& identity) {
  return kernel::call_on(f, owner_, [&](Fiber& there) -> Result<> {
    const auto known = known_.find({identity.topic, identity.partition});
    const bool was_cleaned = known != known_.end() && known->second.first_dirty.has_value();
    known_.erase({identity.topic, identity.partition});
    claimed_.erase({identity.topic, identity.partition});
    forgot_unwritten_ = true;
    return write_forgotten(there, was_cleaned);
  });
}

Result<> LogDirectory::admit(Fiber& f) {
  return kernel::call_on(f, owner_, [&](Fiber& there) -> Result<> {
    return forgot_unwritten_ ? write_forgotten(there, /*was_cleaned=*/true) : Result<>{};
  });
}

Result<> LogDirectory::write_forgotten(Fiber& f, bool was_cleaned) {
  TRY(write_checkpoints(f));
  if (was_cleaned) {
    const auto lock = TRY(writing_checkpoints_.lock(f));
    TRY(write_checkpoint(f, kCleaned, &Known::first_dirty));
  }
  forgot_unwritten_ = false;
  return {};
}

Result<> LogDirectory::write_checkpoint(Fiber& f, std::string_view name, std::optional<Offset> Known::*member) {
  std::vector<PartitionOffset> entries;
  for (const auto& [at, known] : known_) {
    if (known.*member) entries.push_back({at.first, at.second, *(known.*member)});
  }
  return kernel::replace_file(f, f.node().disk(), file(name), kernel::as_bytes(format_partition_offsets(entries)));
}

Result<> LogDirectory::write_checkpoints(Fiber& f) {
  const auto lock = TRY(writing_checkpoints_.lock(f));
  TRY(write_checkpoint(f, kLogStarts, &Known::log_start));
  TRY(write_checkpoint(f, kRecoveryPoints, &Known::recovery_point));
  return write_checkpoint(f, kHighWatermarks, &Known::high_watermark);
}

Result<> LogDirectory::checkpoint(Fiber& f) {
  if (!online_) return kernel::fail(LogReason::directory_offline);
  std::vector<DirectoryShard*> asked;
  for (;;) {
    // The list may change while a shard is being asked.
    const auto next = std::ranges::find_if(
        shards_, [&](DirectoryShard* shard) { return std::ranges::find(asked, shard) == asked.end(); });
    if (next == shards_.end()) break;
    DirectoryShard* shard = *next;
    asked.push_back(shard);
    const auto offsets = kernel::call_on(f, shard->shard(), [&](Fiber&) {
      std::vector<std::pair<LogIdentity, LogOffsets>> here;
      for (const Log* log : shard->logs()) here.emplace_back(log->identity(), log->offsets());
      return here;
    });
    for (const auto& [identity, at] : offsets) {
      const auto known = known_.find({identity.topic, identity.partition});
      if (known != known_.end() && known->second.in_use) note(identity, at);
    }
  }
  return write_checkpoints(f);
}

Result<bool> LogDirectory::all_clean(Fiber& f) {
  if (refused_ || std::ranges::any_of(known_, [](const auto& item) { return item.second.in_use; })) return false;
  if (was_clean_) return true;  // what nobody opened is as it was
  // A start that failed early has not looked at every log, and the one before was not stopped cleanly.
  for (const kernel::DirectoryEntry& entry : TRY(f.node().disk().list(f, path_))) {
    const auto name = entry.is_directory ? parse_partition_directory(entry.name) : std::nullopt;
    if (!name) continue;
    const auto known = known_.find(*name);
    if (known == known_.end() || !known->second.clean) return false;
  }
  return true;
}

Result<> LogDirectory::close(Fiber& f, std::int64_t broker_epoch) {
  CHECK(shards_.empty());
  const bool always = BUG(f, "log.clean_mark_in_every_shutdown");
  if (online_ || always) {
    TRY(write_checkpoints(f));
    if (always || TRY(all_clean(f))) {
      watermarks_.clear();
      TRY(write_base_watermarks(f, WatermarkHeader::State::clean));
      TRY(kernel::replace_file(f, f.node().disk(), file(kCleanShutdown), kernel::as_bytes(format_clean_shutdown(broker_epoch))));
    }
  }
  lock_.reset();
  return {};
}

}  // namespace broker::log
