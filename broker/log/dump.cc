#include "broker/log/dump.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "broker/limits.h"
#include "broker/log/batch_scan.h"
#include "broker/log/checkpoint_files.h"
#include "broker/log/identity_files.h"
#include "broker/log/offset_index.h"
#include "broker/log/producer_state.h"
#include "broker/log/reason.h"
#include "broker/log/record_fields.h"
#include "broker/log/text_lines.h"
#include "broker/log/time_index.h"
#include "broker/log/transaction_index.h"
#include "broker/log/watermark_file.h"
#include "broker/words.h"
#include "kernel/node.h"
#include "net/record/reason.h"
#include "net/record/record_iterator.h"
#include "net/record/validate.h"

namespace broker::log {
namespace {

using kernel::Buffer;
using kernel::Fiber;
using kernel::FileHandle;
using kernel::Result;
/// Keeps fields in the order they are named.
using Json = nlohmann::ordered_json;

constexpr std::size_t kFlushAtBytes = 64 * 1024;
constexpr std::size_t kAnyNumberOfEntries = 1u << 30;

class Dumper {
 public:
  Dumper(Fiber& f, const DumpOptions& options) : f_{f}, options_{options} {}

  Result<> run() {
    const Result<> read = all();
    TRY(flush());
    TRY(read);
    if (bad_files_ > 0) return kernel::fail(kernel::Errc::corrupt, bad_files_);
    return {};
  }
  /// The file or directory it was at last.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Result<> all() {
    for (const std::string& path : options_.paths) {
      path_ = path;
      const auto entries = f_.node().disk().list(f_, path);
      TRY(entries ? directory(path, *entries) : file(path, /*named=*/true));
    }
    return {};
  }

  Result<> directory(const std::string& path, const std::vector<kernel::DirectoryEntry>& entries) {
    for (const auto& entry : entries) {
      const std::string child = path_ = path + "/" + entry.name;
      if (entry.is_directory) {
        TRY(directory(child, TRY(f_.node().disk().list(f_, child))));
      } else {
        TRY(file(child, /*named=*/false));
      }
    }
    return {};
  }

  Result<> file(const std::string& path, bool named) {
    const FileHandle handle = TRY(f_.node().disk().open(f_, path, kernel::OpenMode::read_only()));
    const std::string_view name = std::string_view{path}.substr(path.rfind('/') + 1);
    const auto base = parse_number<std::int64_t>(name.substr(0, name.find('.')));
    Result<> read;
    if (name.ends_with(".log") || name.ends_with(".checkpoint")) {
      read = segment(handle);
    } else if (name.ends_with(".index") && base) {
      read = offset_index(TRY(kernel::read_all(f_, *handle)), Offset{*base});
    } else if (name.ends_with(".timeindex") && base) {
      read = time_index(TRY(kernel::read_all(f_, *handle)), Offset{*base});
    } else if (name.ends_with(".txnindex")) {
      read = transaction_index(TRY(kernel::read_all(f_, *handle)));
    } else if (name.ends_with(".snapshot")) {
      read = snapshot(TRY(kernel::read_all(f_, *handle)));
    } else if (name == "leader-epoch-checkpoint") {
      read = epochs(TRY(kernel::read_all(f_, *handle)));
    } else if (name.ends_with("-offset-checkpoint")) {
      read = partition_offsets(TRY(kernel::read_all(f_, *handle)));
    } else if (name == "partition.metadata") {
      read = partition_metadata(TRY(kernel::read_all(f_, *handle)));
    } else if (name == "meta.properties") {
      read = meta_properties(TRY(kernel::read_all(f_, *handle)));
    } else if (name.starts_with(kWatermarkFile)) {
      read = watermarks(TRY(kernel::read_all(f_, *handle)));
    } else if (named) {
      ++bad_files_;
      return line({{"kind", "error"}, {"error", "no file of a log directory, by its name"}});
    }
    if (read || read.error().room == kernel::Room::kernel) return read;
    ++bad_files_;
    return line({{"kind", "error"}, {"error", words_of(read.error())}});
  }

  Result<> segment(const FileHandle& handle) {
    BatchScan scan{handle, 0, TRY(handle->size(f_))};
    for (;;) {
      const std::uint64_t position = scan.position();
      const auto item = scan.next_whole(f_);
      if (!item) {
        if (item.error().room == kernel::Room::net) TRY(line({{"kind", "bad_batch"}, {"position", position}}));
        return std::unexpected(item.error());
      }
      if (!*item) return {};
      TRY(batch(**item));
    }
  }

  Result<> batch(const BatchScan::Item& item) {
    const auto& h = item.header;
    const kernel::ByteView bytes = item.bytes.view();
    const bool valid = net::record::check_whole(h, {&bytes, 1}).has_value();
    const auto codec = h.codec();
    Json heading{{"kind", "batch"}, {"position", item.position}, {"base_offset", h.base_offset.raw()},
                {"last_offset", h.last_offset().raw()}, {"records", h.records_count}, {"size_bytes", h.size_bytes()},
                {"leader_epoch", h.leader_epoch.raw()}, {"max_timestamp_ms", h.max_timestamp_ms},
                {"timestamp_type", h.timestamp_type() == net::record::TimestampType::create_time ? "create" : "append"},
                {"codec", codec ? std::string{net::compress::name_of(*codec)} : "unknown"},
                {"producer_id", h.producer_id.raw()}, {"producer_epoch", h.producer_epoch.raw()},
                {"base_sequence", h.base_sequence}, {"transactional", h.is_transactional()},
                {"control", h.is_control()}, {"crc", h.crc}, {"valid", valid}};
    TRY(line(std::move(heading)));
    if (!valid) return kernel::fail(net::record::Reason::bad_crc, static_cast<std::int64_t>(item.position));
    if (!options_.records) return {};
    const auto region = TRY(net::record::RecordRegion::open(h, bytes.subspan(net::record::kHeaderBytes), kUncompressedBytesMax));
    auto records = region.iterate();
    const InternalTopic topic = internal_topic_of(options_.topic.empty() ? topic_of_file(path_) : options_.topic);
    while (const auto record = TRY(records.next())) {
      Json headers = Json::array();
      for (const auto& header : record->headers.to_vector())
        headers.push_back({{"key", printable(kernel::as_bytes(header.key))}, {"value", printable_or_null(header.value)}});
      Json fields{{"kind", "record"}, {"offset", record->offset.raw()}, {"timestamp_ms", record->timestamp_ms}};
      fields.update(h.is_control() ? control_fields_of(record->key, record->value)
                                   : fields_of(topic, record->key, record->value));
      fields["headers"] = std::move(headers);
      TRY(line(std::move(fields)));
    }
    return {};
  }

  Result<> offset_index(const Buffer& bytes, Offset base) {
    const auto index = TRY(OffsetIndex::parse(base, bytes.view(), kAnyNumberOfEntries));
    for (std::size_t i = 0; i < index.size(); ++i)
      TRY(line({{"kind", "offset_index"}, {"offset", index.at(i).offset.raw()}, {"position", index.at(i).position}}));
    return {};
  }

  Result<> time_index(const Buffer& bytes, Offset base) {
    const auto index = TRY(TimeIndex::parse(base, bytes.view(), kAnyNumberOfEntries));
    for (std::size_t i = 0; i < index.size(); ++i)
      TRY(line({{"kind", "time_index"}, {"timestamp_ms", index.at(i).timestamp_ms}, {"offset", index.at(i).offset.raw()}}));
    return {};
  }

  Result<> transaction_index(const Buffer& bytes) {
    for (const AbortedTransaction& entry : TRY(TransactionIndex::parse(bytes.view())).entries()) {
      TRY(line({{"kind", "aborted_transaction"}, {"producer_id", entry.producer.raw()}, {"first_offset", entry.first.raw()},
                {"marker_offset", entry.marker.raw()}, {"last_stable_offset", entry.last_stable.raw()}}));
    }
    return {};
  }

  Result<> snapshot(const Buffer& bytes) {
    const auto state = TRY(ProducerState::decode_snapshot(bytes.view()));
    for (const auto& [id, entry] : state.entries()) {
      TRY(line({{"kind", "producer"}, {"producer_id", id.raw()}, {"producer_epoch", entry.epoch.raw()},
                {"last_sequence", entry.last_sequence()},
                {"last_offset", entry.batches.empty() ? -1 : entry.batches.back().last_offset.raw()},
                {"last_timestamp_ms", entry.last_timestamp_ms}, {"coordinator_epoch", entry.coordinator_epoch},
                {"open_transaction_start", entry.open_transaction_start ? entry.open_transaction_start->raw() : -1}}));
    }
    return {};
  }

  Result<> epochs(const Buffer& bytes) {
    for (const EpochStart& entry : TRY(parse_leader_epochs(kernel::as_text(bytes.view()))))
      TRY(line({{"kind", "leader_epoch"}, {"epoch", entry.epoch.raw()}, {"start_offset", entry.start.raw()}}));
    return {};
  }

  Result<> partition_offsets(const Buffer& bytes) {
    for (const PartitionOffset& entry : TRY(parse_partition_offsets(kernel::as_text(bytes.view()))))
      TRY(line({{"kind", "partition_offset"}, {"topic", entry.topic}, {"partition", entry.partition.raw()},
                {"offset", entry.offset.raw()}}));
    return {};
  }

  Result<> partition_metadata(const Buffer& bytes) {
    const net::TopicId id = TRY(parse_partition_metadata(kernel::as_text(bytes.view())));
    return line({{"kind", "partition_metadata"}, {"topic_id", id.raw().text()}});
  }

  Result<> meta_properties(const Buffer& bytes) {
    const MetaProperties p = TRY(parse_meta_properties(kernel::as_text(bytes.view())));
    return line({{"kind", "meta_properties"}, {"cluster_id", p.cluster_id}, {"node_id", p.node_id},
                 {"directory_id", p.directory_id ? p.directory_id->text() : ""}});
  }

  Result<> watermarks(const Buffer& bytes) {
    const WatermarkFile read = TRY(parse_watermarks(bytes.view()));
    TRY(line({{"kind", "synced_watermarks"}, {"run", read.header.run}, {"boot_id", read.header.boot_id},
              {"clean", read.header.state == WatermarkHeader::State::clean}}));
    for (const auto& [key, mark] : read.entries) {
      TRY(line({{"kind", "synced_watermark"}, {"topic_id", key.first.raw().text()}, {"partition", key.second.raw()},
                {"end_offset", mark.end.raw()}, {"epoch", mark.epoch.raw()}, {"segment", mark.segment_base.raw()},
                {"position", mark.position}, {"batch_crc", mark.batch_crc}}));
    }
    return {};
  }

  /// JSON: one object a line, the file first. Text: a heading for each file, then "kind field=value …".
  Result<> line(Json fields) {
    if (options_.form == DumpOptions::Form::json) {
      Json whole{{"file", path_}};
      whole.update(fields);
      out_ += whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    } else {
      if (headed_ != path_) out_ += fmt::format("{}:\n", path_);
      headed_ = path_;
      out_ += "  " + fields["kind"].get<std::string>();
      for (const auto& [name, value] : fields.items()) {
        if (name != "kind") out_ += fmt::format(" {}={}", name, value.is_string() ? value.get<std::string>() : value.dump());
      }
      out_ += "\n";
    }
    return out_.size() >= kFlushAtBytes ? flush() : Result<>{};
  }

  Result<> flush() {
    if (out_.empty()) return {};
    return f_.node().console().write(f_, std::exchange(out_, {}));
  }

  Fiber& f_;
  const DumpOptions& options_;
  std::string path_;
  std::string headed_;
  std::string out_;
  std::int64_t bad_files_ = 0;
};

}  // namespace

Result<> dump(Fiber& f, const DumpOptions& options, std::string* about) {
  Dumper dumper{f, options};
  const Result<> dumped = dumper.run();
  if (!dumped && about != nullptr) *about = dumper.path();
  return dumped;
}

}  // namespace broker::log
