#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "broker/doctor/finding.h"
#include "broker/log/identity_files.h"
#include "kernel/node.h"

namespace broker::doctor {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kProbe = "kalda-doctor.tmp";
constexpr int kSyncs = 64;
constexpr std::size_t kProbeBytes = 4096;
/// Every durable acknowledgement waits for a sync.
constexpr kernel::Duration kSlowSync = 20ms;
/// No medium keeps anything that fast: memory, or a layer below that says so without doing it.
constexpr kernel::Duration kImpossibleSync = 10us;
constexpr std::uint64_t kLittleSpaceBytes = 1ull << 30;

std::string in_bytes(std::uint64_t bytes) {
  return bytes < 10ull << 30 ? fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20))
                             : fmt::format("{:.0f} GiB", static_cast<double>(bytes) / (1 << 30));
}

std::string in_ms(kernel::Duration taken) { return fmt::format("{:.2f} ms", static_cast<double>(taken.count()) / 1e6); }

struct Syncs {
  kernel::Duration median{0};
  kernel::Duration slowest{0};
};

Result<Syncs> time_syncs(Fiber& f, const std::string& path) {
  const kernel::FileHandle file = TRY(f.node().disk().open(f, path, kernel::OpenMode::create_empty()));
  const std::vector<std::byte> page(kProbeBytes, std::byte{0x4b});
  const std::array<kernel::Buffer, 1> chain{kernel::Buffer::copy_of(page)};
  std::vector<kernel::Duration> taken;
  for (int i = 0; i < kSyncs; ++i) {
    TRY(kernel::write_all(f, *file, static_cast<std::uint64_t>(i) * kProbeBytes, chain));
    const kernel::Mono began = f.now();
    TRY(file->datasync(f));
    taken.push_back(f.now() - began);
  }
  std::ranges::sort(taken);
  return Syncs{taken[taken.size() / 2], taken.back()};
}

Finding judged(const std::string& subject, const Syncs& syncs) {
  Finding finding{Verdict::fine, subject, fmt::format("a sync of 4 KiB takes {} (the slowest of {}: {})", in_ms(syncs.median), kSyncs, in_ms(syncs.slowest)), ""};
  if (syncs.median >= kSlowSync) {
    finding.verdict = Verdict::warning;
    finding.advice = "every durable acknowledgement waits that long; use a disk that syncs faster, or take the risk with "
                     "log.durability=relaxed for topics that may lose their end at a power failure";
  } else if (syncs.median < kImpossibleSync) {
    finding.verdict = Verdict::warning;
    finding.advice = "no medium is that fast: this is memory (tmpfs), or a layer below only says that it has synced; "
                     "do not keep there what must survive a power failure";
  }
  return finding;
}

Finding unusable(const std::string& subject, const kernel::Error& error) {
  Finding finding{Verdict::failure, subject, "cannot be written", "check the disk, and the path in log.dirs"};
  if (error.is(Errc::permission)) finding.advice = "give it to the user who runs the broker (chown)";
  if (error.is(Errc::read_only)) finding.advice = "the file system is read-only; see the system's log for why, then mount it again";
  if (error.is(Errc::disk_full)) finding.text = "is full", finding.advice = "free some space; until then every write is refused";
  if (error.is(Errc::io)) finding.text = "gives errors", finding.advice = "the disk is failing, or the path is not a directory; see the system's log";
  return finding;
}

void look_at_identity(Fiber& f, const config::BrokerConfig& config, const std::string& path, const std::string& subject, Findings& out) {
  const auto file = f.node().disk().open(f, path + "/meta.properties", kernel::OpenMode::read_only());
  if (!file) {
    out.push_back({Verdict::fine, subject, "holds nothing yet; the first start formats it", ""});
    return;
  }
  const auto bytes = kernel::read_all(f, **file);
  const auto properties = bytes ? log::parse_meta_properties(kernel::as_text(bytes->view())) : Result<log::MetaProperties>{std::unexpected(bytes.error())};
  if (!properties) {
    out.push_back({Verdict::failure, subject, "its meta.properties cannot be read", "restore it from a copy, or point log.dirs elsewhere"});
  } else if (properties->node_id != config.node_id.raw()) {
    out.push_back({Verdict::failure, subject, fmt::format("belongs to node {}, and the configuration says node.id={}", properties->node_id, config.node_id.raw()),
                   fmt::format("set node.id={}, or point log.dirs elsewhere", properties->node_id)});
  } else {
    out.push_back({Verdict::fine, subject, fmt::format("belongs to node {} of cluster {}", properties->node_id, properties->cluster_id), ""});
  }
}

}  // namespace

void look_at_directories(Fiber& f, const config::BrokerConfig& config, Findings& out) {
  kernel::Disk& disk = f.node().disk();
  std::vector<std::string> paths = config.log_directories;
  if (std::ranges::find(paths, config.metadata_directory) == paths.end()) paths.push_back(config.metadata_directory);
  for (const std::string& path : paths) {
    const std::string subject = "directory " + path;
    const auto there = disk.list(f, path);
    // What is not there yet is tried beside where it will be.
    std::string where = path;
    while (!there && where != "/" && where != "." && !disk.list(f, where)) where = std::string{kernel::parent_path(where)};
    if (there) look_at_identity(f, config, path, subject, out);
    else out.push_back({Verdict::fine, subject, fmt::format("is not there yet; the first start makes it in {}", where), ""});

    const std::string probe = where + "/" + std::string{kProbe};
    const auto syncs = time_syncs(f, probe);
    static_cast<void>(disk.unlink(f, probe));
    if (!syncs) {
      out.push_back(unusable(subject, syncs.error()));
      continue;
    }
    out.push_back(judged(subject, *syncs));
    const auto space = disk.space(f, where);
    if (!space) continue;
    Finding finding{Verdict::fine, subject, fmt::format("{} free of {}", in_bytes(space->free_bytes), in_bytes(space->total_bytes)), ""};
    if (space->free_bytes < kLittleSpaceBytes) {
      finding.verdict = Verdict::warning;
      finding.advice = "writes are refused when it is full; free some, or shorten retention.ms or retention.bytes of topics";
    }
    out.push_back(std::move(finding));
  }
}

}  // namespace broker::doctor
