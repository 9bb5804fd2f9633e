#include <algorithm>
#include <utility>

#include "broker/controller/controller.h"
#include "broker/controller/decide.h"
#include "broker/controller/topic_names.h"
#include "broker/log/log_directory.h"
#include "kernel/bug.h"
#include "kernel/check.h"
#include "kernel/disk.h"
#include "kernel/node.h"
#include "net/framed_record.h"
#include "net/messages/metadata_records.h"

namespace broker::controller {

using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using metadata::FramedValue;
using net::Offset;

namespace {

constexpr net::TopicId kMetadataTopicId{net::Uuid{0, 1}};
constexpr std::size_t kReplayBytes = 1u << 20;

std::string log_path(const log::DirectoryShard& directory) {
  return directory.path() + "/" + std::string{kMetadataTopic} + "-0";
}

template <class Record>
FramedValue framed(const Record& record) {
  auto value = net::encode_framed(record, 0);
  CHECK(value.has_value());
  return std::move(*value);
}

/// The image that the first record is applied to.
metadata::ImageRef empty_image(std::string cluster_id) {
  metadata::Image image;
  image.cluster_id = std::move(cluster_id);
  return std::make_shared<const metadata::Image>(std::move(image));
}

Result<kernel::Buffer> bytes_of(Fiber& f, const log::Slice& slice) {
  if (slice.file == nullptr) return slice.bytes;
  return kernel::read_exactly(f, *slice.file, slice.position, slice.size);
}

}  // namespace

std::string_view name_of(ControllerReason reason) {
  switch (reason) {
    case ControllerReason::damaged: return "damaged";
    case ControllerReason::lost: return "lost";
    case ControllerReason::more_voters: return "more_voters";
    case ControllerReason::not_a_voter: return "not_a_voter";
    case ControllerReason::newer_feature: return "newer_feature";
    case ControllerReason::newer_record: return "newer_record";
    case ControllerReason::newer_quorum_state: return "newer_quorum_state";
  }
  std::unreachable();
}

Controller::Controller(log::DirectoryShard& directory, ControllerOptions options)
    : directory_{directory},
      options_{std::move(options)},
      store_{log_path(directory)},
      image_{empty_image(directory.directory().properties().cluster_id)},
      random_{0, kernel::Domain::application, 0} {}

Result<std::unique_ptr<Controller>> Controller::open(Fiber& f, log::DirectoryShard& directory,
                                                     ControllerOptions options) {
  CHECK(!options.endpoints.empty());
  std::unique_ptr<Controller> out{new Controller{directory, std::move(options)}};
  if (auto loaded = out->load(f); !loaded) {
    // The log's fibers must be gone before it is; what is wrong is said, not what closing it says.
    if (out->log_ != nullptr) static_cast<void>(out->log_->close(f));
    return std::unexpected(loaded.error());
  }
  return out;
}

Result<> Controller::load(Fiber& f) {
  TRY(kernel::make_directories(f, f.node().disk(), log_path(directory_)));
  auto stored = store_.load(f);
  if (!stored && stored.error().is(kernel::Errc::unsupported)) return fail(ControllerReason::newer_record, stored.error().detail);
  std::optional<StoredSnapshot> newest = TRY(stored);
  log_ = TRY(log::Log::open(f, directory_,
                            {.topic = std::string{kMetadataTopic}, .partition = net::PartitionId{0},
                             .topic_id = kMetadataTopicId},
                            {.segment_bytes = options_.segment_bytes, .segment_ms = options_.segment_ms}));
  if (!newest && log_->next() == Offset{0}) {
    if (options_.partitions_found) return fail(ControllerReason::lost);
    TRY(format(f));
    newest = TRY(store_.load(f));
  }
  if (const auto replayed = replay(f, newest); !replayed) {
    if (!replayed.error().is(kernel::Errc::unsupported)) return replayed;
    return fail(ControllerReason::newer_record, replayed.error().detail);
  }
  TRY(judge_features(f));
  TRY(judge_voters());
  TRY(lead(f));
  return bootstrap(f);
}

Result<> Controller::format(Fiber& f) {
  const auto directory_id = directory_.directory().properties().directory_id;
  CHECK(directory_id.has_value());
  const std::int64_t now = kernel::ms_of(f.wall());
  const Snapshot content{
      .view = {.kraft_version = 1,
               .voters = {{.id = options_.node_id, .directory = *directory_id, .endpoints = options_.endpoints}}},
      .values = bootstrap_records(),
      .last_timestamp_ms = now};
  f.log().info("metadata_formatted", {{"cluster_id", image_->cluster_id}, {"directory_id", directory_id->text()}});
  return store_.save(f, kBootstrapSnapshot, encode_snapshot(content, kBootstrapSnapshot.epoch, now), 0);
}

Result<> Controller::replay(Fiber& f, const std::optional<StoredSnapshot>& from) {
  Offset next = log_->log_start();
  metadata::ImageRef base = image_;
  if (from) {
    view_ = from->content.view;
    last_snapshot_ = from->id;
  }
  if (from && from->id == kBootstrapSnapshot) {
    bootstrap_values_ = from->content.values;
  } else if (from) {
    if (from->id.end < log_->log_start() || from->id.end > log_->next())
      return fail(ControllerReason::damaged, from->id.end.raw());
    metadata::ImageBuilder builder{*image_};
    for (const FramedValue& value : from->content.values) TRY(builder.apply(value));
    if (builder.in_transaction()) return fail(ControllerReason::damaged, from->id.end.raw());
    builder.set_kraft_version(view_.kraft_version);
    base = builder.build(from->id.end, from->id.epoch, from->content.last_timestamp_ms);
    next = from->id.end;
    log_says_view_ = true;
  }
  if (next > base->offset) return fail(ControllerReason::damaged, base->offset.raw());  // what was below is gone

  Replay replay{*base, view_};
  while (next < log_->committed()) {
    const log::Slice slice = TRY(log_->read(f, next, {.bytes_max = kReplayBytes, .end = std::nullopt}));
    const kernel::Buffer bytes = TRY(bytes_of(f, slice));
    net::record::BatchReader reader{bytes.view()};
    const Offset before = next;
    while (const auto batch = TRY(reader.next())) {
      if (batch->header.base_offset != next) return fail(ControllerReason::damaged, next.raw());
      if (const auto applied = replay.apply(*batch); !applied) {
        f.log().error("metadata_not_replayed", {{"directory", log_path(directory_)}, {"offset", batch->header.base_offset},
                                                {"error", applied.error()}});
        return applied;
      }
      next = batch->header.next_offset();
      bytes_since_snapshot_ += batch->bytes.size();
    }
    if (next == before) return fail(ControllerReason::damaged, next.raw());
  }
  view_ = replay.view();
  log_says_view_ = log_says_view_ || replay.saw_voters();
  epoch_ = std::max(base->epoch, replay.epoch());
  end_ = next;
  image_ = std::move(base);
  if (replay.builder().in_transaction()) unfinished_.emplace(std::move(replay));
  else image_ = replay.build(next, epoch_);
  return {};
}

Result<> Controller::judge_features(Fiber& f) {
  const std::vector<metadata::SupportedFeature> supported = supported_features();
  const auto judge = [&](std::string_view name, std::int16_t level) -> Result<> {
    const auto known = std::ranges::find(supported, name, &metadata::SupportedFeature::name);
    const std::int16_t most = known == supported.end() ? std::int16_t{0} : known->max;
    if (level <= most) return {};
    f.log().error("feature_too_new", {{"feature", name}, {"level", level}, {"supported_to", most},
                                      {"directory", log_path(directory_)}});
    return fail(ControllerReason::newer_feature, level);
  };
  for (const auto& [name, level] : image_->features) TRY(judge(name, level));
  return judge("kraft.version", view_.kraft_version);
}

Result<> Controller::judge_voters() {
  // A static quorum (kraft.version 0) has its voters in the configuration, which names this node alone.
  if (view_.kraft_version < 1) return {};
  if (view_.voters.size() > 1)
    return fail(ControllerReason::more_voters, static_cast<std::int64_t>(view_.voters.size()));
  if (view_.voters.empty() || view_.voters.front().id != options_.node_id ||
      view_.voters.front().directory != directory_.directory().properties().directory_id)
    return fail(ControllerReason::not_a_voter, view_.voters.empty() ? -1 : view_.voters.front().id.raw());
  return {};
}

Result<> Controller::lead(Fiber& f) {
  const auto remembered_or = store_.load_quorum_state(f);
  if (!remembered_or && remembered_or.error().is(kernel::Errc::unsupported))
    return fail(ControllerReason::newer_quorum_state, remembered_or.error().detail);
  const auto remembered = TRY(remembered_or);
  const net::LeaderEpoch before = remembered ? std::max(remembered->epoch, epoch_) : epoch_;
  epoch_ = net::LeaderEpoch{before.raw() + 1};
  // The epoch is new at every start, so that no id is drawn twice.
  random_ = f.node().random(kernel::Domain::application,
                            kernel::mix64(kernel::hash64("broker.controller"),
                                          static_cast<std::uint64_t>(epoch_.raw())));
  if (BUG(f, "controller.ids_drawn_again")) random_ = kernel::Random{0, kernel::Domain::application, 0};
  TRY(store_.save_quorum_state(f, {.leader = options_.node_id, .epoch = epoch_}));
  TRY(log_->begin_epoch(f, epoch_));

  QuorumView view = view_;
  if (!view.voters.empty()) view.voters.front().endpoints = options_.endpoints;
  const bool is_news = view.kraft_version >= 1 && (!log_says_view_ || view != view_);
  const std::vector<Voter> voters = view.voters.empty() ? std::vector<Voter>{{.id = options_.node_id}} : view.voters;
  TRY(write_batch(f, leader_change_batch(options_.node_id, voters, is_news ? &view : nullptr,
                                         {.epoch = epoch_, .timestamp_ms = kernel::ms_of(f.wall()), .base = {}})));
  log_says_view_ = true;
  return {};
}

Result<> Controller::bootstrap(Fiber& f) {
  if (unfinished_) {
    net::AbortTransactionRecord abort;
    abort.reason = "the controller that began it stopped";
    const FramedValue value = framed(abort);
    TRY(write(f, {&value, 1}));
  }
  if (image_->metadata_version() != 0) return {};
  net::BeginTransactionRecord begin;
  begin.name = "Bootstrap records";
  std::vector<FramedValue> values{framed(begin)};
  const std::vector<FramedValue> initial = bootstrap_values_.empty() ? bootstrap_records() : bootstrap_values_;
  values.insert(values.end(), initial.begin(), initial.end());
  // With eligible leader replicas the size of the in-sync set is the cluster's affair, not that of single brokers.
  metadata::ImageBuilder features{*image_};
  for (const FramedValue& value : initial) TRY(features.apply(value));
  if (features.build(end_, epoch_, 0)->features.contains("eligible.leader.replicas.version"))
    values.push_back(metadata::setting_record({metadata::ResourceType::broker, ""}, "min.insync.replicas",
                                              std::to_string(options_.min_insync_replicas)));
  values.push_back(framed(net::EndTransactionRecord{}));
  return write(f, values);
}

}  // namespace broker::controller
