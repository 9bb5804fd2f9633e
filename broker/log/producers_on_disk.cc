#include "broker/log/producers_on_disk.h"

#include <algorithm>

#include "kernel/node.h"
#include "net/record/validate.h"

namespace broker::log {

using kernel::Buffer;
using kernel::Fiber;
using kernel::FileHandle;
using kernel::OpenMode;
using kernel::Result;
using net::record::BatchHeader;

Result<std::vector<Offset>> list_snapshots(Fiber& f, const std::string& directory) {
  std::vector<Offset> found;
  for (const auto& entry : TRY(f.node().disk().list(f, directory))) {
    if (const auto at = offset_of_file(entry.name, ".snapshot")) found.push_back(*at);
  }
  return found;
}

Result<std::optional<EndedTransaction>> apply_batch(ProducerState& producers, const BatchHeader& header,
                                                    kernel::ByteView batch) {
  if (!header.has_producer()) return std::nullopt;
  if (!header.is_control()) {
    producers.apply(header);
    return std::nullopt;
  }
  const auto marker = TRY(net::record::parse_transaction_marker(header, batch.subspan(net::record::kHeaderBytes)));
  if (!marker) return std::nullopt;
  return producers.apply_marker(*marker, header.base_offset);
}

Result<ProducerState> rebuild_producers(Fiber& f, const std::string& directory, const std::vector<SegmentRef>& segments,
                                        Offset limit, Offset end, std::vector<EndedTransaction>* ended) {
  kernel::Disk& disk = f.node().disk();
  std::vector<Offset> snapshots = TRY(list_snapshots(f, directory));
  std::erase_if(snapshots, [&](Offset at) { return at > limit; });
  ProducerState state;
  Offset from = segments.empty() ? end : segments.front()->base();
  while (!snapshots.empty()) {
    const Offset at = snapshots.back();
    snapshots.pop_back();
    if (at < from) break;
    const std::string path = directory + "/" + segment_file_name(at, ".snapshot");
    const FileHandle file = TRY(disk.open(f, path, OpenMode::read_only()));
    const Buffer bytes = TRY(kernel::read_all(f, *file));
    auto decoded = ProducerState::decode_snapshot(bytes.view());
    if (decoded) {
      state = std::move(*decoded);
      from = at;
      break;
    }
    f.log().warn("producer_snapshot_unreadable", {{"file", path}, {"error", decoded.error()}});
    TRY(disk.unlink(f, path));
  }
  for (const SegmentRef& segment : segments) {
    if (from >= end) break;
    const bool is_last = segment == segments.back();
    if (!is_last && (*(std::ranges::find(segments, segment) + 1))->base() <= from) continue;
    if (segment->base() >= end) break;
    const auto start = TRY(segment->find(f, from));
    if (!start) continue;
    BatchScan scan{TRY(segment->file(f)), start->position, segment->size_bytes()};
    while (const auto item = TRY(scan.next_header(f))) {
      if (item->header.base_offset >= end) break;
      // Of data the header tells all; what a marker ends is in its record.
      Buffer bytes;
      if (item->header.is_control()) bytes = TRY(kernel::read_exactly(f, *TRY(segment->file(f)), item->position, item->header.size_bytes()));
      const auto found = TRY(apply_batch(state, item->header, bytes.view()));
      if (found && ended != nullptr) ended->push_back(*found);
    }
  }
  return state;
}

Result<> prune_snapshots(Fiber& f, const std::string& directory, const std::vector<SegmentRef>& segments, Offset end) {
  kernel::Disk& disk = f.node().disk();
  const std::vector<Offset> found = TRY(list_snapshots(f, directory));
  for (const Offset at : found) {
    const bool of_segment = std::ranges::find(segments, at, [](const SegmentRef& s) { return s->base(); }) != segments.end();
    const bool largest = at == found.back() && (segments.empty() || at > segments.back()->base());
    if (at <= end && (of_segment || largest)) continue;
    TRY(disk.unlink(f, directory + "/" + segment_file_name(at, ".snapshot")));
  }
  return {};
}

Result<> drop_snapshots_above(Fiber& f, const std::string& directory, Offset end) {
  for (const Offset at : TRY(list_snapshots(f, directory))) {
    if (at > end) TRY(f.node().disk().unlink(f, directory + "/" + segment_file_name(at, ".snapshot")));
  }
  return {};
}

Result<> write_snapshot(Fiber& f, const std::string& directory, Offset end, const ProducerState& state) {
  return kernel::replace_file(f, f.node().disk(), directory + "/" + segment_file_name(end, ".snapshot"),
                              state.encode_snapshot());
}

}  // namespace broker::log
