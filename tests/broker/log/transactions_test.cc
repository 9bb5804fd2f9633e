// What readers of committed records are told of a log with transactions: up to where all is decided, and what was
// aborted. Whatever has become of the log, they see just the records that were committed.
#include <set>

#include "broker/log/identity_files.h"
#include "net/record/control.h"
#include "tests/broker/log/cleaner/keyed_log.h"

namespace broker::log {
namespace {

using namespace testing;
using net::record::ControlType;
using sim::CrashKind;


LogConfig segments_of_few() { return {.segment_bytes = 1500, .index_interval_bytes = 200}; }

Buffer transactional(ProducerId producer, std::int32_t sequence, std::string_view tag) {
  net::record::BatchBuilder builder{{.producer_id = producer,
                                     .producer_epoch = net::ProducerEpoch{0},
                                     .base_sequence = sequence,
                                     .transactional = true}};
  const std::string key = fmt::format("{}", tag);
  std::string value = key;
  value.resize(60, 'v');
  builder.append({.timestamp_ms = 1000, .key = kernel::as_bytes(key), .value = kernel::as_bytes(value)});
  return Buffer::copy_of(builder.build());
}

Buffer marker_of(ProducerId producer, ControlType type) {
  return Buffer::copy_of(net::record::build_transaction_marker(
      {.type = type, .producer_id = producer, .producer_epoch = net::ProducerEpoch{0}, .coordinator_epoch = 3, .timestamp_ms = 1000},
      Offset{0}, net::LeaderEpoch{0}));
}

constexpr AppendOptions kOwnAppend{.origin = AppendOrigin::coordinator};

/// Writes transactions to a log and knows what became of them.
struct Writer {
  struct Ongoing {
    Offset first{0};
    std::vector<Offset> records;
  };
  std::map<ProducerId, Ongoing> open;
  std::map<ProducerId, std::int32_t> sequences;
  std::set<Offset> committed;  ///< records that a reader of committed ones is to see, once they are stable
  std::set<Offset> all;
  std::vector<AbortedTransaction> aborted;

  Result<> data(Fiber& f, Log& log, std::int64_t producer) {
    const ProducerId id{producer};
    const Appended done = TRY(log.append(f, transactional(id, sequences[id]++, fmt::format("p{}", producer)), kOwnAppend));
    auto& mine = open.try_emplace(id, Ongoing{done.base_offset, {}}).first->second;
    mine.records.push_back(done.base_offset);
    all.insert(done.base_offset);
    return {};
  }
  Result<> plain(Fiber& f, Log& log) {
    const Appended done = TRY(log.append(f, make_batch("plain"), {}));
    committed.insert(done.base_offset);
    all.insert(done.base_offset);
    return {};
  }
  Result<> end(Fiber& f, Log& log, std::int64_t producer, ControlType type) {
    const ProducerId id{producer};
    const Appended done = TRY(log.append(f, marker_of(id, type), kOwnAppend));
    const auto mine = open.extract(id);
    if (mine.empty()) return {};
    if (type == ControlType::commit) committed.insert(mine.mapped().records.begin(), mine.mapped().records.end());
    else aborted.push_back({id, mine.mapped().first, done.base_offset, std::min(stable(done.next_offset), done.next_offset)});
    return {};
  }
  [[nodiscard]] Offset stable(Offset end) const {
    for (const auto& [id, mine] : open) end = std::min(end, mine.first);
    return end;
  }
  /// Producers at work at once, that begin, write, commit and abort in an order drawn from `seed`.
  Result<> story(Fiber& f, Log& log, std::uint64_t seed, int steps) {
    auto random = f.node().random(kernel::Domain::workload, seed);
    for (int i = 0; i < steps; ++i) {
      const std::int64_t producer = 100 + random.between(0, 3);
      const std::int64_t choice = random.between(0, 9);
      if (choice < 6) TRY(data(f, log, producer));
      else if (choice < 7) TRY(plain(f, log));
      else TRY(end(f, log, producer, choice == 7 ? ControlType::commit : ControlType::abort));
    }
    return log.wait_committed(f, log.next());
  }
  /// The same, and then all are ended.
  Result<> whole_story(Fiber& f, Log& log, std::uint64_t seed, int steps) {
    TRY(story(f, log, seed, steps));
    while (!open.empty()) TRY(end(f, log, open.begin()->first.raw(), open.size() % 2 == 0 ? ControlType::commit : ControlType::abort));
    return log.wait_committed(f, log.next());
  }
};

/// What a client makes of a slice: records at or above `from`, those of aborted transactions left out.
Result<Offset> read_as_client(Fiber& f, Log& log, Offset from, std::size_t bytes_max, std::set<Offset>& seen) {
  const Offset stable = log.last_stable_offset();
  const Slice slice = TRY(log.read(f, from, {.bytes_max = bytes_max, .end = stable}));
  if (slice.size == 0) return from;
  EXPECT_GT(slice.end, from);
  EXPECT_LE(slice.end, stable);
  const auto aborted = TRY(log.aborted_transactions(f, from, slice.end));
  EXPECT_TRUE(std::ranges::is_sorted(aborted, {}, &AbortedTransaction::first));
  Buffer bytes = slice.bytes;
  if (slice.file != nullptr) bytes = TRY(kernel::read_exactly(f, *slice.file, slice.position, slice.size));
  std::set<ProducerId> hidden;
  std::size_t next = 0;
  net::record::BatchReader reader{bytes.view()};
  Offset end = from;
  while (const auto batch = TRY(reader.next())) {
    const auto& header = batch->header;
    while (next < aborted.size() && aborted[next].first <= header.last_offset()) hidden.insert(aborted[next++].producer);
    EXPECT_LT(header.last_offset(), slice.end);
    end = header.next_offset();
    if (header.is_control()) {
      const auto marker = TRY(net::record::parse_transaction_marker(header, batch->records()));
      if (marker && marker->type == ControlType::abort) hidden.erase(header.producer_id);
      continue;
    }
    if (header.is_transactional() && hidden.contains(header.producer_id)) continue;
    for (Offset at = std::max(header.base_offset, from); at < header.next_offset() && header.records_count > 0; at = at + 1) seen.insert(at);
  }
  for (const AbortedTransaction& one : aborted) {
    EXPECT_LT(one.first, slice.end) << "not in what was read";
    EXPECT_GE(one.marker, from);
  }
  return end;
}

void expect_only_committed(Fiber& f, Log& log, const Writer& wrote) {
  const Offset stable = log.last_stable_offset();
  EXPECT_EQ(stable, std::max(log.log_start(), wrote.stable(log.committed())));
  for (const std::size_t bytes_max : {std::size_t{1}, std::size_t{400}, std::size_t{1000}, std::size_t{1} << 20}) {
    for (Offset from = log.log_start(); from < stable; from = from + (bytes_max == 1 ? 1 : 7)) {
      SCOPED_TRACE(fmt::format("from {} with {} bytes", from.raw(), bytes_max));
      std::set<Offset> seen;
      auto end = read_as_client(f, log, from, bytes_max, seen);
      ASSERT_OK(end);
      ASSERT_GT(*end, from) << "no progress";
      while (bytes_max > 1000 && end && *end < stable) end = read_as_client(f, log, *end, bytes_max, seen);
      ASSERT_OK(end);
      std::set<Offset> expected;
      for (const Offset at : wrote.committed)
        if (at >= from && at < *end) expected.insert(at);
      ASSERT_EQ(seen, expected);
    }
  }
}

class Transactions : public ::testing::Test {
 protected:
  void with_log(const std::function<void(Fiber&, Log&)>& body, const LogConfig& config = segments_of_few()) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, config);
      ASSERT_OK(log);
      ground.log = std::move(*log);
      body(f, *ground.log);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
  }
  void with_log_until(CrashKind kind, const std::function<void(Fiber&, Log&)>& body) {
    run_and_crash(world_, machine_, kind, [&](Fiber& f, Ground& ground) {
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_of_few()));
      body(f, *ground.log);
    });
  }
  /// Every .txnindex by its name.
  std::map<std::string, std::string> index_files() {
    std::map<std::string, std::string> files;
    run_on(world_, machine_, [&](Fiber& f) {
      const auto entries = f.node().disk().list(f, kFolder);
      for (const auto& entry : *entries) {
        if (!entry.name.ends_with(".txnindex")) continue;
        const auto file = f.node().disk().open(f, kFolder + "/" + entry.name, kernel::OpenMode::read_only());
        files[entry.name] = kernel::as_text(kernel::read_all(f, **file)->view());
      }
    });
    return files;
  }
  void put(const std::string& name, std::string_view bytes) {
    run_on(world_, machine_, [&](Fiber& f) {
      ASSERT_OK(kernel::replace_file(f, f.node().disk(), kFolder + "/" + name, kernel::as_bytes(bytes)));
    });
  }
  static std::vector<AbortedTransaction> parsed(const std::map<std::string, std::string>& files) {
    std::vector<AbortedTransaction> all;
    for (const auto& [name, bytes] : files) {
      const auto index = TransactionIndex::parse(kernel::as_bytes(bytes));
      EXPECT_OK(index);
      if (index) all.insert(all.end(), index->entries().begin(), index->entries().end());
    }
    return all;
  }

  kernel::StackPool stacks_;
  sim::World world_{{.seed = 4}, stacks_};
  sim::Machine& machine_ = world_.add_machine("m");
  Writer wrote_;
};

TEST(TransactionIndex, comes_back_from_its_file_and_takes_no_other) {
  TransactionIndex index;
  index.append({ProducerId{7}, Offset{10}, Offset{20}, Offset{5}});
  index.append({ProducerId{8}, Offset{5}, Offset{30}, Offset{31}});
  const auto bytes = index.encode();
  ASSERT_EQ(bytes.size(), 2 * TransactionIndex::kEntryBytes);
  EXPECT_EQ(kernel::load_be<std::int64_t>(bytes.data() + 2), 7);
  EXPECT_EQ(kernel::load_be<std::int64_t>(bytes.data() + 34 + 26), 31);
  const auto parsed = TransactionIndex::parse(bytes);
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, index);
  EXPECT_TRUE(TransactionIndex::parse(kernel::ByteView{bytes}.first(40)).error().is(Reason::bad_size));
  const auto with = [&](std::size_t at, auto value) {
    auto other = bytes;
    kernel::store_be(other.data() + at, value);
    return TransactionIndex::parse(other);
  };
  EXPECT_TRUE(with(34, std::int16_t{1}).error().is(Reason::bad_version));
  EXPECT_TRUE(with(2, std::int64_t{-1}).error().is(Reason::bad_entry));
  EXPECT_TRUE(with(10, std::int64_t{20}).error().is(Reason::bad_entry)) << "begins with its marker";
  EXPECT_TRUE(with(34 + 18, std::int64_t{20}).error().is(Reason::bad_entry)) << "two markers at one place";
  EXPECT_TRUE(with(26, std::int64_t{22}).error().is(Reason::bad_entry)) << "stable behind the marker";
  EXPECT_TRUE(with(26, std::numeric_limits<std::int64_t>::min()).error().is(Reason::bad_entry));
}

TEST(TransactionIndex, finds_what_reaches_into_a_range_until_nothing_more_can) {
  TransactionIndex index;
  index.append({ProducerId{7}, Offset{10}, Offset{20}, Offset{5}});
  index.append({ProducerId{8}, Offset{5}, Offset{30}, Offset{31}});
  index.append({ProducerId{7}, Offset{32}, Offset{40}, Offset{41}});
  const auto found = [&](std::int64_t from, std::int64_t to, bool complete) {
    std::vector<AbortedTransaction> out;
    EXPECT_EQ(index.collect(Offset{from}, Offset{to}, out), complete);
    std::vector<std::int64_t> markers;
    for (const auto& one : out) markers.push_back(one.marker.raw());
    return markers;
  };
  using Markers = std::vector<std::int64_t>;
  EXPECT_EQ(found(0, 6, true), Markers{30});
  EXPECT_EQ(found(0, 5, true), Markers{});
  EXPECT_EQ(found(12, 31, true), (Markers{20, 30}));
  EXPECT_EQ(found(21, 31, true), Markers{30});
  EXPECT_EQ(found(0, 33, true), (Markers{20, 30, 40}));
  EXPECT_EQ(found(41, 50, false), Markers{});
  index.truncate(Offset{30});
  EXPECT_EQ(index.size(), 1u);
}

TEST_F(Transactions, end_the_stable_part_where_the_earliest_open_one_begins) {
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.plain(f, log));
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.last_stable_offset(), Offset{1});
    ASSERT_OK(wrote_.data(f, log, 1));  // 1
    ASSERT_OK(wrote_.data(f, log, 2));  // 2
    ASSERT_OK(wrote_.plain(f, log));    // 3
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.committed(), Offset{4});
    EXPECT_EQ(log.last_stable_offset(), Offset{1});
    ASSERT_OK(wrote_.end(f, log, 1, ControlType::abort));  // 4
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.last_stable_offset(), Offset{2});
    ASSERT_OK(wrote_.end(f, log, 2, ControlType::commit));  // 5
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.last_stable_offset(), Offset{6});
    ASSERT_OK(wrote_.data(f, log, 1));
    ASSERT_OK(log.wait_committed(f, log.next()));
    ASSERT_OK(log.advance_start(f, Offset{7}));
    EXPECT_EQ(log.last_stable_offset(), Offset{7}) << "not below the log start";
  });
}

TEST_F(Transactions, are_decided_once_their_marker_is_committed_and_not_before) {
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.data(f, log, 1));
    ASSERT_OK(log.wait_committed(f, log.next()));
    const auto marker = log.submit(marker_of(ProducerId{1}, ControlType::commit), kOwnAppend);
    ASSERT_OK(marker);
    EXPECT_EQ(log.producers().first_open(), std::nullopt);
    EXPECT_EQ(log.last_stable_offset(), Offset{0});
    ASSERT_OK(log.wait_written(f, *marker));
    if (log.committed() < marker->next_offset) {
      EXPECT_EQ(log.last_stable_offset(), Offset{0}) << "written, yet not safe";
    }
    ASSERT_OK(log.wait_committed(f, *marker));
    EXPECT_EQ(log.last_stable_offset(), Offset{2});
  });
}

TEST_F(Transactions, stay_open_when_their_marker_does_not_fit_the_disk) {
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.data(f, log, 1));
    ASSERT_OK(log.wait_committed(f, log.next()));
    machine_.disk().faults().full = true;
    std::vector<Appended> doomed;
    for (int i = 0; i < 5; ++i) doomed.push_back(*log.submit(make_batch("x", {.value_bytes = 3000 / 4}), {}));
    for (const ControlType type : {ControlType::abort, ControlType::commit}) {
      const auto submitted = log.submit(marker_of(ProducerId{1}, type), kOwnAppend);
      ASSERT_OK(submitted);
      doomed.push_back(*submitted);
    }
    doomed.push_back(*log.submit(transactional(ProducerId{2}, 0, "never"), kOwnAppend));
    for (const Appended& one : doomed) static_cast<void>(log.wait_written(f, one));
    ASSERT_TRUE(log.wait_written(f, doomed.back()).error().is(kernel::Errc::disk_full));
    machine_.disk().faults().full = false;
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.producers().first_open(), Offset{0});
    EXPECT_EQ(log.last_stable_offset(), Offset{0});
    ASSERT_OK(wrote_.end(f, log, 1, ControlType::abort));
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.last_stable_offset(), log.committed());
    const auto aborted = log.aborted_transactions(f, Offset{0}, Offset{1});
    ASSERT_OK(aborted);
    EXPECT_EQ(*aborted, wrote_.aborted);
  });
}

TEST_F(Transactions, show_only_committed_records_live_and_after_every_kind_of_stop) {
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.story(f, log, 1, 150));
    ASSERT_GE(log.segments().size(), 6u);
    ASSERT_GE(wrote_.aborted.size(), 10u);
    expect_only_committed(f, log, wrote_);
  });
  EXPECT_EQ(parsed(index_files()), wrote_.aborted) << "as Apache Kafka has them";
  EXPECT_LE(index_files().size(), wrote_.aborted.size());
  with_log([&](Fiber& f, Log& log) { expect_only_committed(f, log, wrote_); });
  // What is aborted now stands behind what has not been looked at.
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.story(f, log, 2, 60));
    ASSERT_OK(wrote_.end(f, log, 100, ControlType::abort));
  });
  EXPECT_EQ(parsed(index_files()), wrote_.aborted);
  with_log([&](Fiber& f, Log& log) { expect_only_committed(f, log, wrote_); });
  for (const CrashKind kind : {CrashKind::process_kill, CrashKind::power_loss}) {
    with_log_until(kind, [&](Fiber& f, Log& log) { ASSERT_OK(wrote_.story(f, log, 3, 60)); });
    with_log([&](Fiber& f, Log& log) { expect_only_committed(f, log, wrote_); });
    EXPECT_EQ(parsed(index_files()), wrote_.aborted);
  }
  EXPECT_EQ(world_.error_lines(), 0u);
  EXPECT_FALSE(world_.marks().contains("broker.log.transaction_index_rebuilt")) << "none of this was damage";
}

TEST_F(Transactions, leave_no_file_where_nothing_was_aborted) {
  with_log([&](Fiber& f, Log& log) {
    for (int i = 0; i < 40; ++i) {
      ASSERT_OK(wrote_.data(f, log, 1));
      ASSERT_OK(wrote_.end(f, log, 1, ControlType::commit));
      ASSERT_OK(wrote_.end(f, log, 2, ControlType::abort));  // of nothing here
    }
  });
  EXPECT_TRUE(index_files().empty());
}

TEST_F(Transactions, are_what_the_log_says_whatever_a_damaged_index_does) {
  with_log([&](Fiber& f, Log& log) { ASSERT_OK(wrote_.whole_story(f, log, 5, 90)); });
  const auto good = index_files();
  ASSERT_GE(good.size(), 3u);
  int damaged = 0;
  for (const auto& [name, bytes] : good) {
    std::vector<std::string> others{"", bytes.substr(0, bytes.size() - 1), bytes.substr(0, bytes.size() - 34),
                                    bytes + std::string(34, char{0}), bytes + bytes, std::string(bytes.size(), char{0}),
                                    std::string(bytes.size(), char(0xff))};
    for (std::size_t at = 0; at < 34; at += 3) {
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ (1 << at % 8));
      others.push_back(other);
    }
    for (const std::size_t field : {9u, 17u, 25u, 33u}) {
      std::string other = bytes;
      other[bytes.size() - 34 + field] = static_cast<char>(other[bytes.size() - 34 + field] ^ 1);
      others.push_back(other);
    }
    for (const std::string& other : others) {
      if (other == bytes) continue;
      SCOPED_TRACE(fmt::format("{} of {} bytes, kind {}", name, bytes.size(), ++damaged));
      put(name, other);
      with_log([&](Fiber& f, Log& log) { expect_only_committed(f, log, wrote_); });
      EXPECT_EQ(index_files(), good) << "written anew";
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GE(damaged, 50);
  EXPECT_GE(world_.marks().at("broker.log.transaction_index_rebuilt"), static_cast<std::uint64_t>(damaged));
}

TEST_F(Transactions, are_written_behind_a_damaged_index_that_nobody_has_read) {
  with_log([&](Fiber& f, Log& log) { ASSERT_OK(wrote_.whole_story(f, log, 5, 90)); });
  const auto [name, bytes] = *index_files().rbegin();
  for (const std::string& other : {bytes.substr(0, bytes.size() - 5), bytes + "some more", std::string{}}) {
    put(name, other);
    with_log([&](Fiber& f, Log& log) {
      ASSERT_OK(wrote_.data(f, log, 7));
      ASSERT_OK(wrote_.end(f, log, 7, ControlType::abort));
      ASSERT_OK(wrote_.whole_story(f, log, 6, 30));
    });
    with_log([&](Fiber& f, Log& log) { expect_only_committed(f, log, wrote_); });
    EXPECT_EQ(parsed(index_files()), wrote_.aborted);
  }
}

TEST_F(Transactions, of_a_damaged_segment_are_refused_rather_than_guessed) {
  with_log([&](Fiber& f, Log& log) { ASSERT_OK(wrote_.whole_story(f, log, 5, 90)); });
  const std::string name = index_files().begin()->first;
  const std::string segment = kFolder + "/" + name.substr(0, 20) + ".log";
  run_on(world_, machine_, [&](Fiber& f) {
    const auto file = f.node().disk().open(f, segment, kernel::OpenMode::read_write());
    const std::array<Buffer, 1> chain{Buffer::copy_of(std::string{"?"})};
    ASSERT_OK(kernel::write_all(f, **file, 100, chain));
  });
  with_log([&](Fiber& f, Log& log) {
    const auto aborted = log.aborted_transactions(f, Offset{0}, Offset{1});
    ASSERT_FALSE(aborted.has_value());
    EXPECT_TRUE(aborted.error().is(LogReason::damaged)) << kernel::describe(aborted.error());
  });
}

TEST_F(Transactions, above_a_cut_never_were) {
  for (const bool reopened : {false, true}) {
    Writer wrote;
    Offset cut{0};
    with_log([&](Fiber& f, Log& log) {
      ASSERT_OK(log.truncate(f, Offset{0}));
      ASSERT_OK(wrote.story(f, log, 8, 40));
      // Producer 200's is decided above the cut, and open again afterwards.
      ASSERT_OK(wrote.data(f, log, 200));
      for (const std::int64_t other : {100, 101, 102, 103}) ASSERT_OK(wrote.end(f, log, other, ControlType::abort));
      cut = log.next();
      Writer lost = wrote;
      ASSERT_OK(lost.data(f, log, 200));
      ASSERT_OK(lost.end(f, log, 200, ControlType::abort));
      ASSERT_OK(lost.data(f, log, 100));
      ASSERT_OK(log.wait_committed(f, log.next()));
      if (!reopened) ASSERT_OK(log.truncate(f, cut));
    });
    with_log([&](Fiber& f, Log& log) {
      if (reopened) ASSERT_OK(log.truncate(f, cut));
      expect_only_committed(f, log, wrote);
      ASSERT_OK(wrote.end(f, log, 200, ControlType::commit));
      ASSERT_OK(wrote.story(f, log, 9, 20));
      expect_only_committed(f, log, wrote);
    });
    EXPECT_EQ(parsed(index_files()), wrote.aborted);
  }
}

TEST_F(Transactions, go_with_their_segments) {
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.story(f, log, 1, 150));
    const Offset start = log.segments()[3].base + 1;
    ASSERT_OK(log.advance_start(f, start));
    expect_only_committed(f, log, wrote_);
    EXPECT_TRUE(log.aborted_transactions(f, Offset{0}, Offset{5}).error().is(LogReason::offset_out_of_range));
    std::erase_if(wrote_.aborted, [&](const auto& one) { return one.marker < log.segments().front().base; });
  });
  EXPECT_EQ(parsed(index_files()), wrote_.aborted);
  with_log([&](Fiber& f, Log& log) { expect_only_committed(f, log, wrote_); });
}

TEST_F(Transactions, that_were_aborted_are_compacted_away_and_forgotten_with_their_markers) {
  LogConfig config = segments_of_few();
  config.compacts = true;
  config.cleanable_ratio_min = 0;
  config.delete_retention_ms = 1000;
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.story(f, log, 1, 150));
    for (int round = 0; round < 3; ++round) {
      const Offset bound = log.last_stable_offset();
      const auto cleaned = log.clean(f, {});
      ASSERT_OK(cleaned);
      if (round == 0) {
        EXPECT_GT(cleaned->to, Offset{20});
      }
      EXPECT_LE(cleaned->to, bound);
      // Above what is clean nothing changes; below, nothing that was aborted is left to be seen by anybody.
      std::set<Offset> seen;
      for (Offset at = Offset{0}; at < log.last_stable_offset();) {
        const auto end = read_as_client(f, log, at, 1 << 20, seen);
        ASSERT_OK(end);
        if (*end == at) break;
        at = *end;
      }
      for (const Offset at : seen) EXPECT_TRUE(wrote_.committed.contains(at)) << at.raw();
      for (const Offset at : wrote_.committed) {
        if (at >= log.first_dirty() && at < log.last_stable_offset()) {
          EXPECT_TRUE(seen.contains(at)) << at.raw();
        }
      }
      const auto raw = read_everything(f, log, Offset{0}, log.first_dirty());
      ASSERT_OK(raw);
      for (const auto& [at, record] : records_of(*raw)) EXPECT_TRUE(wrote_.committed.contains(at)) << at.raw();
      ASSERT_OK(f.sleep(2s));
      ASSERT_OK(wrote_.story(f, log, 20 + static_cast<std::uint64_t>(round), 60));
      for (const std::int64_t one : {100, 101, 102, 103}) ASSERT_OK(wrote_.end(f, log, one, ControlType::abort));
      ASSERT_OK(log.wait_committed(f, log.next()));
    }
    const auto aborted = log.aborted_transactions(f, Offset{0}, log.last_stable_offset());
    ASSERT_OK(aborted);
    EXPECT_LT(aborted->size(), wrote_.aborted.size()) << "their markers have gone";
    EXPECT_EQ(log.last_stable_offset(), log.committed());
  }, config);
  // Nor does a log without its snapshots think that one is open.
  run_on(world_, machine_, [&](Fiber& f) {
    const auto entries = f.node().disk().list(f, kFolder);
    for (const auto& entry : *entries)
      if (entry.name.ends_with(".snapshot")) ASSERT_OK(f.node().disk().unlink(f, kFolder + "/" + entry.name));
  });
  with_log([&](Fiber& f, Log& log) {
    EXPECT_EQ(log.last_stable_offset(), log.committed());
    std::set<Offset> seen;
    for (Offset at = Offset{0}; at < log.last_stable_offset();) {
      const auto end = read_as_client(f, log, at, 1000, seen);
      ASSERT_OK(end);
      if (*end == at) break;
      at = *end;
    }
    for (const Offset at : seen) EXPECT_TRUE(wrote_.committed.contains(at)) << at.raw();
  }, config);
}

TEST_F(Transactions, bound_what_a_waiting_reader_counts) {
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.plain(f, log));
    ASSERT_OK(wrote_.data(f, log, 1));
    ASSERT_OK(wrote_.plain(f, log));
    ASSERT_OK(log.wait_committed(f, log.next()));
    const Offset stable = log.last_stable_offset();
    EXPECT_EQ(stable, Offset{1});
    EXPECT_EQ(log.readable_bytes(Offset{0}, stable, 1 << 20), make_batch("plain").size());
    EXPECT_EQ(log.readable_bytes(Offset{1}, stable, 1 << 20), 0u);
    EXPECT_GT(log.readable_bytes(Offset{1}, 1 << 20), 0u);
  });
  with_log([&](Fiber& f, Log& log) {
    ASSERT_OK(wrote_.story(f, log, 1, 100));
    for (Offset end = Offset{1}; end < log.committed(); end = end + 5) {
      const auto bytes = read_everything(f, log, Offset{0}, end);
      ASSERT_OK(bytes);
      EXPECT_GE(log.readable_bytes(Offset{0}, end, 1 << 20), bytes->size());
    }
  });
}

TEST_F(Transactions, damage_of_a_snapshot_that_speaks_of_another_log_ends_nothing) {
  with_log([&](Fiber& f, Log& log) { ASSERT_OK(wrote_.plain(f, log)); });
  ProducerState other;
  net::record::BatchHeader begun{};
  begun.producer_id = ProducerId{1};
  begun.producer_epoch = net::ProducerEpoch{0};
  begun.base_sequence = 0;
  begun.attributes = net::record::kAttributeTransactional;
  begun.base_offset = Offset{4000};
  other.apply(begun);
  const auto bytes = other.encode_snapshot();
  put(segment_file_name(Offset{1}, ".snapshot"), kernel::as_text(bytes));
  with_log([&](Fiber& f, Log& log) {
    EXPECT_EQ(log.producers().first_open(), Offset{4000});
    EXPECT_EQ(log.last_stable_offset(), log.committed());
    ASSERT_OK(log.append(f, marker_of(ProducerId{1}, ControlType::abort), kOwnAppend));
    ASSERT_OK(wrote_.plain(f, log));
    ASSERT_OK(log.wait_committed(f, log.next()));
    EXPECT_EQ(log.last_stable_offset(), log.committed());
  });
}

}  // namespace
}  // namespace broker::log
