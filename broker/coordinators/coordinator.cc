#include "broker/coordinators/coordinator.h"

#include "broker/limits.h"
#include "kernel/disk.h"
#include "kernel/node.h"
#include "net/record/batch_builder.h"
#include "net/record/control.h"

namespace broker::coordinators {

using kernel::fail;
using kernel::Fiber;
using kernel::Result;

namespace {


/// Whether an append that failed with it is known not to be on the log, so that the coordinator can go on.
bool is_undone(const kernel::Error& error) {
  return log::may_pass(error) || error.is(kernel::Errc::too_large) ||
         error.is(log::LogReason::too_large_for_segment);
}

constexpr kernel::Duration kReadAgainAfter = std::chrono::seconds{1};

Result<kernel::Buffer> read_some(Fiber& f, log::Log& log, net::Offset from, const log::ReadLimits& limits) {
  log::Slice slice = TRY(log.read(f, from, limits));
  if (slice.file == nullptr) return std::move(slice.bytes);
  return kernel::read_exactly(f, *slice.file, slice.position, slice.size);
}

}  // namespace

Coordinator::Coordinator(std::shared_ptr<replication::Partition> partition, kernel::Scope& scope,
                         CoordinatorOptions options)
    : partition_{std::move(partition)}, scope_{scope}, options_{options} {}

void Coordinator::start() {
  scope_.spawn("load coordinator", [self = shared_from_this()](Fiber& f) { self->load(f); });
}

Result<> Coordinator::ready() const {
  if (stage_ == Stage::active) return {};
  return fail(stage_ == Stage::loading ? CoordinatorReason::loading : CoordinatorReason::not_coordinator);
}

void Coordinator::load(Fiber& f) {
  const kernel::Mono begun = f.now();
  const log::LogIdentity& identity = partition_->log().identity();
  const Result<> replayed = replay(f);
  if (stage_ != Stage::loading) return;
  if (!replayed) {
    if (!replayed.error().is(kernel::Errc::cancelled) && !partition_->deleted()) {
      f.log().warn("coordinator_not_loaded", {{"topic", identity.topic}, {"partition", identity.partition},
                                              {"error", replayed.error()}});
    }
    return close(moment_of(f));
  }
  stage_ = Stage::active;
  loaded(moment_of(f), f.now() - begun);
  f.log().debug("coordinator_loaded", {{"topic", identity.topic}, {"partition", identity.partition},
                                       {"taken_ms", (f.now() - begun) / std::chrono::milliseconds{1}}});
  due_changed();
  if (!queue_.empty()) start_writer();
}

Result<> Coordinator::replay(Fiber& f) {
  // Everything that was on the log when the lead began counts, committed yet or not: it will be.
  log::Log& log = partition_->log();
  const net::Offset end = log.written_end();
  TRY(log.wait_committed(f, end));
  net::Offset next = log.log_start();
  std::set<std::string> keys;  // of a planted bug's
  while (next < end && stage_ == Stage::loading) {
    const std::size_t bytes_max = f.nudge("coordinators.load_one_batch") ? 1 : options_.load_bytes;
    const auto bytes = read_some(f, log, next, {.bytes_max = bytes_max, .end = end});
    if (!bytes && (bytes.error().is(kernel::Errc::io) || log::may_pass(bytes.error()))) {
      // What cannot be read now may be readable soon; what was replayed so far stands.
      const log::LogIdentity& identity = log.identity();
      f.log().warn("coordinator_load_waits", {{"topic", identity.topic}, {"partition", identity.partition},
                                              {"offset", next}, {"error", bytes.error()}});
      f.node().mark("broker.coordinator_load_waited");
      TRY(f.sleep(kReadAgainAfter));
      continue;
    }
    if (!bytes) return std::unexpected(bytes.error());
    net::record::BatchReader reader{bytes->view()};
    const net::Offset before = next;
    while (const auto batch = TRY(reader.next())) {
      next = batch->header.next_offset();
      if (BUG(f, "groups.load_keeps_last_batch") && !reader.rest().empty()) continue;
      TRY(replay_batch(f, *batch, keys));
    }
    if (next == before) return fail(log::LogReason::damaged, next.raw());
    TRY(f.yield());  // a long log does not keep the shard from its other work
  }
  return {};
}

Result<> Coordinator::replay_batch(Fiber& f, const net::record::BatchView& batch, std::set<std::string>& keys) {
  if (batch.header.is_control()) {
    if (const auto marker = TRY(net::record::parse_transaction_marker(batch.header, batch.records())))
      apply_marker(marker->producer_id, marker->type == net::record::ControlType::commit);
    return {};
  }
  const auto region =
      TRY(net::record::RecordRegion::open(batch.header, batch.records(), kUncompressedBytesMax));
  auto records = region.iterate();
  while (const auto record = TRY(records.next())) {
    if (BUG(f, "groups.load_refuses_lone_tombstone")) {
      const std::string key{kernel::as_text(record->key.value_or(kernel::ByteView{}))};
      if (!record->value && !keys.contains(key)) return fail(log::LogReason::damaged, record->offset.raw());
      keys.insert(key);
    }
    TRY(apply({.offset = record->offset,
               .transaction = batch.header.is_transactional() ? batch.header.producer_id : net::kProducerIdNone,
               .key = record->key,
               .value = record->value}));
  }
  return {};
}

void Coordinator::close(const Moment& at) {
  if (stage_ == Stage::closed) return;
  stage_ = Stage::closed;
  std::deque<Operation> left = std::move(queue_);
  queue_.clear();
  for (Operation& one : left) one.done(at, fail(CoordinatorReason::not_coordinator));
  closed(at);
  alarm_changed_.notify_all();
}

void Coordinator::write(const Moment& at, std::vector<NewRecord> records, Done done) {
  enqueue(at, {.records = std::move(records), .decide = {}, .done = std::move(done)});
}

void Coordinator::write_decided(const Moment& at, Decide decide, Done done) {
  enqueue(at, {.records = {}, .decide = std::move(decide), .done = std::move(done)});
}

void Coordinator::enqueue(const Moment& at, Operation operation) {
  if (stage_ == Stage::closed) return operation.done(at, fail(CoordinatorReason::not_coordinator));
  queue_.push_back(std::move(operation));
  if (stage_ == Stage::active) start_writer();
}

void Coordinator::start_writer() {
  if (writing_) return;
  writing_ = true;
  scope_.spawn("coordinator writer", [self = shared_from_this()](Fiber& w) { self->run_writer(w); });
}

std::deque<Coordinator::Operation> Coordinator::take() {
  std::deque<Operation> taken;
  do {
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (!taken.back().decide && !queue_.empty() && !queue_.front().decide);
  return taken;
}

/// As few batches as the bound allows. What was given as one write is not divided, what was decided may be.
std::vector<Coordinator::Batch> Coordinator::pack(std::deque<Operation>& taken) const {
  std::vector<Batch> out;
  std::size_t room = 0;
  const auto bytes_of = [](const NewRecord& record) {
    return net::record::BatchBuilder::record_bytes_max(
        {.key = kernel::ByteView{record.key},
         .value = record.value ? net::record::NullableBytes{*record.value} : std::nullopt});
  };
  const std::size_t whole = options_.batch_bytes_max - net::record::kHeaderBytes;
  const auto place = [&](Operation& operation, std::span<const NewRecord> records, std::size_t bytes) {
    if (out.empty() || bytes > room) {
      out.emplace_back();
      room = whole;
    }
    room -= bytes;
    for (const NewRecord& one : records) out.back().records.push_back(&one);
    if (out.back().operations.empty() || out.back().operations.back() != &operation) {
      out.back().operations.push_back(&operation);
      ++operation.batches_left;
    }
  };
  for (Operation& operation : taken) {
    std::size_t bytes = 0;
    bool fits = true;
    for (const NewRecord& one : operation.records) {
      bytes += bytes_of(one);
      fits = fits && (operation.decide ? bytes_of(one) : bytes) <= whole;
    }
    if (!fits) {
      operation.outcome = fail(kernel::Errc::too_large, static_cast<std::int64_t>(bytes));
    } else if (operation.decide) {
      for (const NewRecord& one : operation.records) place(operation, {&one, 1}, bytes_of(one));
    } else if (!operation.records.empty()) {
      place(operation, operation.records, bytes);
    }
  }
  return out;
}

void Coordinator::submit(Fiber& w, Batch& batch) {
  net::record::BatchBuilder builder{{.codec = options_.codec}};
  const std::int64_t now_ms = kernel::ms_of(w.wall());
  for (const NewRecord* one : batch.records) {
    builder.append({.timestamp_ms = now_ms,
                    .key = kernel::ByteView{one->key},
                    .value = one->value ? net::record::NullableBytes{*one->value} : std::nullopt});
  }
  const std::vector<std::byte> bytes = builder.build();
  batch.appended = partition_->submit(kernel::Buffer::copy_of(kernel::ByteView{bytes}),
                                      log::AppendOrigin::coordinator, std::nullopt);
}

Result<> Coordinator::settle(Fiber& w, const Batch& batch) {
  if (!batch.appended) return std::unexpected(batch.appended.error());
  TRY(partition_->wait(w, *batch.appended, replication::Acks::all));
  if (stage_ == Stage::closed) return fail(CoordinatorReason::not_coordinator);
  net::Offset offset = batch.appended->base_offset;
  for (const NewRecord* one : batch.records) {
    const Result<> applied =
        apply({.offset = offset,
               .key = kernel::ByteView{one->key},
               .value = one->value ? net::record::NullableBytes{*one->value} : std::nullopt});
    CHECK(applied.has_value());  // we made it
    offset = offset + 1;
  }
  return {};
}

void Coordinator::run_writer(Fiber& w) {
  while (stage_ == Stage::active && !queue_.empty()) {
    std::deque<Operation> taken = take();
    const Moment begun = moment_of(w);
    if (taken.front().decide) taken.front().records = taken.front().decide(begun);
    std::vector<Batch> batches = pack(taken);
    for (Batch& batch : batches) submit(w, batch);
    if (BUG(w, "groups.ack_before_commit")) {
      for (Operation& one : taken) std::exchange(one.done, [](const Moment&, const Result<>&) {})(begun, {});
    }
    std::optional<kernel::Error> fatal;
    for (Batch& batch : batches) {
      const Result<> settled = settle(w, batch);
      if (settled) continue;
      for (Operation* one : batch.operations) one->outcome = settled;
      if (!is_undone(settled.error())) fatal = settled.error();
    }
    // What is not known to have failed may be on the log: only a new load can tell.
    const Moment at = moment_of(w);
    for (Operation& one : taken) {
      if (fatal && !one.outcome) one.outcome = fail(CoordinatorReason::not_coordinator);
      one.done(at, one.outcome);
    }
    if (fatal) {
      if (stage_ == Stage::active && !fatal->is(kernel::Errc::cancelled) && !partition_->deleted()) {
        w.log().warn("coordinator_write_failed", {{"topic", partition_->log().identity().topic},
                                                  {"partition", partition_->log().identity().partition},
                                                  {"error", *fatal}});
      }
      close(at);
    }
  }
  writing_ = false;
}

void Coordinator::due_changed() {
  if (stage_ != Stage::active || next_due() == kernel::kNever) return;
  if (alarm_set_) return alarm_changed_.notify_all();
  alarm_set_ = true;
  scope_.spawn("coordinator alarm", [self = shared_from_this()](Fiber& a) { self->run_alarm(a); });
}

void Coordinator::run_alarm(Fiber& a) {
  while (stage_ == Stage::active) {
    const kernel::Mono due = next_due();
    if (due == kernel::kNever) break;
    if (due <= a.now()) {
      on_time(moment_of(a));
      if (!a.yield()) break;
      continue;
    }
    const auto within = a.deadline_at(due);
    const Result<> changed = alarm_changed_.wait(a);
    if (!changed && a.cancelled()) break;
  }
  alarm_set_ = false;
}

}  // namespace broker::coordinators
