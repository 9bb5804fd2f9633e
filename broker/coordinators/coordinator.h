// What every coordinator is made of: a state machine over one partition of an internal topic. It lives on the shard of
// that partition, from when the partition is led here until it is not.
//
//   class Groups final : public Coordinator { void apply(...) override; ... };
//   auto groups = std::make_shared<Groups>(...);
//   groups->start();                                        // replays the log; ready() says when
//   TRY(groups->ready());
//   groups->write(at, {record}, [](const Moment& at, const kernel::Result<>& outcome) { ...answer... });
//
// The rules, which make the state equal to the fold of the log at any time:
// - apply() alone changes the state, and only for records that are committed, in the order of the log. A write that
//   fails has therefore changed nothing, and what readers see is never lost.
// - Writes are put on the log in the order of the calls. One group of them is in flight while the next gathers.
// - A write whose records depend on the state (an expiry, a deletion) decides when all before it are applied, so that
//   it cannot miss one that is in flight.
// What a machine keeps besides (members, timers) is its own, changes when it decides, and is gone with a restart.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <variant>
#include <set>
#include <vector>

#include "broker/coordinators/moment.h"
#include "broker/coordinators/record.h"
#include "broker/replication/partition.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "net/compress/codec.h"
#include "net/record/batch_reader.h"

namespace broker::coordinators {

enum class CoordinatorReason : std::uint16_t {
  not_coordinator = 0x600,  ///< the partition is not led here (any more), or its log could not be read
  loading,                  ///< the log is being replayed; ask again
};
constexpr kernel::Room error_room(CoordinatorReason) { return kernel::Room::broker; }

struct CoordinatorOptions {
  net::compress::Codec codec = net::compress::Codec::none;
  std::size_t batch_bytes_max = 1 << 20;  ///< of one batch, before compression
  std::size_t load_bytes = 5 << 20;       ///< read at a time when loading
};

class Coordinator : public std::enable_shared_from_this<Coordinator> {
 public:
  /// Told once what became of a write. On success its records are committed and applied. Runs on the coordinator's
  /// shard, may write more, may not suspend.
  using Done = std::move_only_function<void(const Moment& at, const kernel::Result<>& outcome)>;
  /// Makes records from the state as it is when everything before has been applied.
  using Decide = std::move_only_function<std::vector<NewRecord>(const Moment& at)>;

  /// `scope` owns the fibers and ends before the partition's log is closed.
  Coordinator(std::shared_ptr<replication::Partition> partition, kernel::Scope& scope, CoordinatorOptions options);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  virtual ~Coordinator() = default;

  /// Begins to load. Once.
  void start();
  /// The partition is led here no more: who waits is answered, nothing is written any more. Does not suspend.
  void close(const Moment& at);
  /// Errors: CoordinatorReason.
  [[nodiscard]] kernel::Result<> ready() const;
  [[nodiscard]] bool loading() const { return stage_ == Stage::loading; }
  [[nodiscard]] const replication::Partition& partition() const { return *partition_; }

  /// The records go into one batch. `done` hears of errors: CoordinatorReason, those of Partition::submit and wait,
  /// too_large (more than a batch may hold). An outcome of `not_coordinator` is unknown: it may be on the log.
  void write(const Moment& at, std::vector<NewRecord> records, Done done);
  /// Several batches if need be; a stop in between leaves the first of them.
  void write_decided(const Moment& at, Decide decide, Done done);

 protected:
  /// Errors (a record of a later release, damage): the partition is not coordinated.
  virtual kernel::Result<> apply(const LoggedRecord& record) = 0;
  /// The transaction of `producer` has ended.
  virtual void apply_marker(net::ProducerId producer, bool committed) = 0;
  /// The log is replayed; requests come from now on.
  virtual void loaded(const Moment& at, kernel::Duration taken) = 0;
  /// Answers whoever waits.
  virtual void closed(const Moment& at) = 0;
  /// When on_time() is to be called; kNever when there is nothing to wait for.
  [[nodiscard]] virtual kernel::Mono next_due() const = 0;
  virtual void on_time(const Moment& at) = 0;

  /// next_due() may be earlier than it was.
  void due_changed();
  [[nodiscard]] kernel::Scope& scope() { return scope_; }

 private:
  enum class Stage : std::uint8_t { loading, active, closed };
  struct Operation {
    std::vector<NewRecord> records;
    Decide decide;  ///< empty: the records are there already
    Done done;
    kernel::Result<> outcome{};
    std::size_t batches_left = 0;
  };
  /// A batch on its way to the log.
  struct Batch {
    std::vector<const NewRecord*> records;
    std::vector<Operation*> operations;  ///< whose records, in order
    kernel::Result<log::Appended> appended{};
  };

  void load(kernel::Fiber& f);
  kernel::Result<> replay(kernel::Fiber& f);
  kernel::Result<> replay_batch(kernel::Fiber& f, const net::record::BatchView& batch, std::set<std::string>& keys);
  void enqueue(const Moment& at, Operation operation);
  void start_writer();
  void run_writer(kernel::Fiber& w);
  std::deque<Operation> take();
  std::vector<Batch> pack(std::deque<Operation>& taken) const;
  void submit(kernel::Fiber& w, Batch& batch);
  kernel::Result<> settle(kernel::Fiber& w, const Batch& batch);
  void run_alarm(kernel::Fiber& a);

  std::shared_ptr<replication::Partition> partition_;
  kernel::Scope& scope_;
  CoordinatorOptions options_;
  Stage stage_ = Stage::loading;
  std::deque<Operation> queue_;
  bool writing_ = false;
  bool alarm_set_ = false;
  kernel::Notify alarm_changed_;
};

}  // namespace broker::coordinators
