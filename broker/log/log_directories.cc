#include "broker/log/log_directories.h"

#include <algorithm>

#include "kernel/node.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;

namespace {

/// The disk is the trouble, and not what is on it.
bool is_disk_trouble(const kernel::Error& why) {
  return why.room == kernel::Room::kernel && !why.is(Errc::cancelled) && !why.is(Errc::deadline) &&
         !why.is(Errc::locked) && !why.is(Errc::too_many_files);
}

/// The cluster that a directory says it belongs to; empty when it says nothing that can be read.
std::string cluster_of(Fiber& f, const std::string& path) {
  const auto file = f.node().disk().open(f, path + "/meta.properties", kernel::OpenMode::read_only());
  const auto bytes = file ? kernel::read_all(f, **file) : Result<kernel::Buffer>{std::unexpected(file.error())};
  if (!bytes) return {};
  const auto parsed = parse_meta_properties(kernel::as_text(bytes->view()));
  return parsed ? parsed->cluster_id : std::string{};
}

}  // namespace

Result<std::unique_ptr<LogDirectories>> LogDirectories::open(Fiber& f, const Wanted& wanted, std::string& refused) {
  std::unique_ptr<LogDirectories> out{new LogDirectories};
  for (const std::string& path : wanted.paths) out->places_.push_back({.path = path, .directory = nullptr});
  out->for_partitions_ = out->places_.size();
  const auto among = std::ranges::find(out->places_, wanted.metadata_path, &Place::path);
  out->metadata_ = static_cast<std::size_t>(among - out->places_.begin());
  if (among == out->places_.end()) out->places_.push_back({.path = wanted.metadata_path, .directory = nullptr});

  // The metadata log's first: without it the others need not be touched.
  std::vector<std::size_t> order{out->metadata_};
  for (std::size_t i = 0; i < out->size(); ++i)
    if (i != out->metadata_) order.push_back(i);
  LogDirectory::Expected expected{.cluster_id = {}, .node_id = wanted.node_id};
  for (const std::size_t i : order) {
    if (expected.cluster_id.empty()) expected.cluster_id = cluster_of(f, out->path(i));
  }
  for (const std::size_t i : order) {
    auto directory = LogDirectory::open(f, out->path(i), expected);
    refused = out->path(i);
    if (!directory) {
      if (i == out->metadata_ || !is_disk_trouble(directory.error())) return std::unexpected(directory.error());
      f.log().error("log_directory_offline", {{"path", out->path(i)}, {"error", directory.error()},
                                              {"next", "mend the disk, then start again; the other directories serve"}});
      f.node().mark("broker.log.directory_not_opened");
      f.shard().metrics().gauge(kOnlineMetric, kOnlineMetricHelp, directory_label(out->path(i))).set(0);
      continue;
    }
    for (const Place& other : out->places_) {
      if (other.directory != nullptr && other.directory->properties().directory_id == (*directory)->properties().directory_id)
        return kernel::fail(LogDirectoryReason::duplicate_identity);
    }
    expected.cluster_id = (*directory)->properties().cluster_id;
    (*directory)->tell_offline(out->changed_);
    out->places_[i].directory = std::move(*directory);
  }
  refused.clear();
  return out;
}

bool LogDirectories::all_online() const {
  for (std::size_t i = 0; i < size(); ++i)
    if (!online(i)) return false;
  return true;
}

bool LogDirectories::serves() const {
  if (!online(metadata_)) return false;
  for (std::size_t i = 0; i < for_partitions_; ++i)
    if (online(i)) return true;
  return false;
}

std::vector<net::Uuid> LogDirectories::ids() const {
  std::vector<net::Uuid> out(size());
  for (std::size_t i = 0; i < for_partitions_; ++i)
    if (online(i)) out[i] = at(i)->properties().directory_id.value_or(net::Uuid{});
  return out;
}

}  // namespace broker::log
