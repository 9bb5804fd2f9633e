#include "broker/log/producer_state.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

namespace broker::log {
namespace {

using net::record::BatchHeader;
using net::record::sequence_after;

constexpr ProducerId kProducer{7};
constexpr std::int32_t kLargest = std::numeric_limits<std::int32_t>::max();

BatchHeader batch(std::int32_t sequence, std::int32_t count, std::int64_t base, std::int16_t epoch = 0) {
  BatchHeader header;
  header.base_offset = Offset{base};
  header.last_offset_delta = count - 1;
  header.records_count = count;
  header.max_timestamp_ms = 1000 + base;
  header.producer_id = kProducer;
  header.producer_epoch = ProducerEpoch{epoch};
  header.base_sequence = sequence;
  return header;
}

Verdict verdict(const ProducerState& state, const BatchHeader& header) { return state.judge(header).verdict; }

TEST(ProducerState, takes_any_first_sequence_of_a_producer_it_does_not_know) {
  EXPECT_EQ(verdict({}, batch(17, 3, 0)), Verdict::in_order);
}

TEST(ProducerState, answers_a_retry_of_the_last_five_batches_with_their_offsets) {
  ProducerState state;
  for (int i = 0; i < 6; ++i) state.apply(batch(10 * i, 10, 100 * i));
  for (int i = 1; i < 6; ++i) {
    const Judgement judgement = state.judge(batch(10 * i, 10, 9999));
    ASSERT_EQ(judgement.verdict, Verdict::duplicate) << i;
    EXPECT_EQ(judgement.original->first_offset(), Offset{100 * i});
    EXPECT_EQ(judgement.original->last_offset, Offset{100 * i + 9});
    EXPECT_EQ(judgement.original->timestamp_ms, 1000 + 100 * i);
  }
  EXPECT_EQ(verdict(state, batch(0, 10, 9999)), Verdict::out_of_order_sequence);  // the sixth is forgotten
  EXPECT_EQ(verdict(state, batch(50, 9, 9999)), Verdict::out_of_order_sequence);  // same start, another end
}

TEST(ProducerState, refuses_gaps_old_epochs_and_new_epochs_that_do_not_start_at_zero) {
  ProducerState state;
  state.apply(batch(0, 10, 0, 3));
  EXPECT_EQ(verdict(state, batch(10, 1, 10, 3)), Verdict::in_order);
  EXPECT_EQ(verdict(state, batch(11, 1, 10, 3)), Verdict::out_of_order_sequence);
  EXPECT_EQ(verdict(state, batch(9, 1, 10, 3)), Verdict::out_of_order_sequence);
  EXPECT_EQ(verdict(state, batch(10, 1, 10, 2)), Verdict::invalid_producer_epoch);
  EXPECT_EQ(verdict(state, batch(0, 10, 10, 2)), Verdict::invalid_producer_epoch);
  EXPECT_EQ(verdict(state, batch(10, 1, 10, 4)), Verdict::out_of_order_sequence);
  EXPECT_EQ(verdict(state, batch(0, 10, 10, 4)), Verdict::in_order);
}

TEST(ProducerState, forgets_the_batches_of_an_older_epoch) {
  ProducerState state;
  state.apply(batch(0, 10, 0, 0));
  state.apply(batch(0, 10, 10, 1));
  EXPECT_EQ(state.find(kProducer)->batches.size(), 1u);
  EXPECT_EQ(state.judge(batch(0, 10, 99, 1)).original->first_offset(), Offset{10});
}

TEST(ProducerState, goes_on_at_zero_after_the_largest_sequence) {
  ProducerState state;
  state.apply(batch(kLargest - 4, 10, 0));
  EXPECT_EQ(state.find(kProducer)->last_sequence(), 4);
  EXPECT_EQ(state.judge(batch(kLargest - 4, 10, 99)).original->first_sequence(), kLargest - 4);
  EXPECT_EQ(verdict(state, batch(5, 1, 10)), Verdict::in_order);
  ProducerState at_the_end;
  at_the_end.apply(batch(kLargest, 1, 0));
  EXPECT_EQ(verdict(at_the_end, batch(0, 1, 1)), Verdict::in_order);
}

TEST(ProducerState, ignores_plain_batches_and_control_batches) {
  ProducerState state;
  BatchHeader plain = batch(0, 1, 0);
  plain.producer_id = net::kProducerIdNone;
  state.apply(plain);
  BatchHeader control = batch(0, 1, 0);
  control.attributes = net::record::kAttributeControl;
  state.apply(control);
  EXPECT_EQ(state.size(), 0u);
}

TEST(ProducerState, follows_transactions_from_their_first_batch_to_their_marker) {
  ProducerState state;
  BatchHeader first = batch(0, 5, 20);
  first.attributes = net::record::kAttributeTransactional;
  BatchHeader second = batch(5, 5, 25);
  second.attributes = net::record::kAttributeTransactional;
  state.apply(first);
  state.apply(second);
  EXPECT_EQ(state.find(kProducer)->open_transaction_start, Offset{20});
  EXPECT_EQ(verdict(state, batch(10, 1, 30)), Verdict::transaction_expected);
  state.apply_marker({net::record::ControlType::commit, kProducer, ProducerEpoch{1}, 6, 5000}, Offset{50});
  EXPECT_EQ(state.find(kProducer)->open_transaction_start, std::nullopt);
  EXPECT_EQ(state.find(kProducer)->coordinator_epoch, 6);
  // The marker brought a new epoch: its data starts at 0.
  EXPECT_EQ(verdict(state, batch(0, 1, 31, 1)), Verdict::in_order);
  EXPECT_EQ(verdict(state, batch(10, 1, 31, 1)), Verdict::out_of_order_sequence);
}

TEST(ProducerState, expires_who_was_not_seen_and_has_nothing_open) {
  ProducerState state;
  state.apply(batch(0, 1, 0));
  EXPECT_EQ(state.expire(2), 0u);
  EXPECT_EQ(state.expire(2), 0u);
  state.apply(batch(1, 1, 1));  // seen again
  EXPECT_EQ(state.expire(2), 0u);
  EXPECT_EQ(state.expire(2), 0u);
  EXPECT_EQ(state.expire(2), 1u);
  BatchHeader open = batch(0, 1, 2);
  open.attributes = net::record::kAttributeTransactional;
  state.apply(open);
  for (int turn = 0; turn < 10; ++turn) EXPECT_EQ(state.expire(2), 0u);
}

/// Every batch a producer ever got onto the log, of which the rules are then told in plain words.
struct ProducerModel {
  struct Appended { std::int16_t epoch; std::int32_t first, last; std::int64_t base; };
  std::vector<Appended> log;

  [[nodiscard]] std::pair<Verdict, std::int64_t> judge(const BatchHeader& header) const {
    if (log.empty()) return {Verdict::in_order, -1};
    const std::int16_t epoch = log.back().epoch;
    if (header.producer_epoch.raw() < epoch) return {Verdict::invalid_producer_epoch, -1};
    if (header.producer_epoch.raw() > epoch)
      return {header.base_sequence == 0 ? Verdict::in_order : Verdict::out_of_order_sequence, -1};
    int seen = 0;
    for (auto it = log.rbegin(); it != log.rend() && it->epoch == epoch && seen < 5; ++it, ++seen)
      if (it->first == header.base_sequence && it->last == header.last_sequence())
        return {Verdict::duplicate, it->base};
    const bool next = header.base_sequence == sequence_after(log.back().last, 1);
    return {next ? Verdict::in_order : Verdict::out_of_order_sequence, -1};
  }
};

TEST(ProducerState, judges_as_one_who_remembers_everything) {
  EXPECT_TRUE(rc::check([] {
    ProducerState state;
    ProducerModel model;
    std::int64_t end = 0;
    std::int32_t sequence = *rc::gen::elementOf(std::vector<std::int32_t>{0, 40, kLargest - 20});
    for (int step = 0; step < 60; ++step) {
      BatchHeader header = batch(sequence, *rc::gen::inRange(1, 4), end, model.log.empty() ? std::int16_t{2} : model.log.back().epoch);
      switch (*rc::gen::inRange(0, 6)) {
        case 0: header.producer_epoch = ProducerEpoch{*rc::gen::inRange<std::int16_t>(1, 5)}; break;
        case 1: header.base_sequence = *rc::gen::inRange(0, 60); break;
        case 2: header.base_sequence = 0; header.producer_epoch = ProducerEpoch{*rc::gen::inRange<std::int16_t>(1, 5)}; break;
        case 3:
          if (!model.log.empty()) {
            const auto& old = model.log[*rc::gen::inRange<std::size_t>(0, model.log.size())];
            header = batch(old.first, net::record::sequence_distance(old.first, old.last) + 1, end, old.epoch);
          }
          break;
        default: break;
      }
      const auto [expected, original] = model.judge(header);
      const Judgement judgement = state.judge(header);
      RC_ASSERT(judgement.verdict == expected);
      if (expected == Verdict::duplicate) RC_ASSERT(judgement.original->first_offset().raw() == original);
      if (expected != Verdict::in_order) continue;
      state.apply(header);
      model.log.push_back({header.producer_epoch.raw(), header.base_sequence, header.last_sequence(), end});
      sequence = sequence_after(header.last_sequence(), 1);
      end += header.records_count;
    }
  }));
}

ProducerState random_state() {
  ProducerState state;
  for (int n = *rc::gen::inRange(0, 8); n > 0; --n) {
    BatchHeader header = batch(*rc::gen::inRange(0, 1000), *rc::gen::inRange(1, 9), *rc::gen::inRange(0, 1000),
                               *rc::gen::inRange<std::int16_t>(0, 4));
    header.producer_id = ProducerId{*rc::gen::inRange(0, 4)};
    if (*rc::gen::arbitrary<bool>()) header.attributes = net::record::kAttributeTransactional;
    state.apply(header);
    if (*rc::gen::inRange(0, 3) == 0)
      state.apply_marker({net::record::ControlType::abort, header.producer_id, ProducerEpoch{*rc::gen::inRange<std::int16_t>(0, 5)}, 1, 500}, Offset{500});
  }
  return state;
}

TEST(ProducerSnapshot, keeps_each_producer_with_its_last_batch) {
  EXPECT_TRUE(rc::check([] {
    const ProducerState state = random_state();
    const ProducerState loaded = ProducerState::decode_snapshot(state.encode_snapshot()).value();
    RC_ASSERT(loaded.size() == state.size());
    for (const auto& [id, entry] : state.entries()) {
      const ProducerEntry& back = *loaded.find(id);
      RC_ASSERT(back.epoch == entry.epoch);
      RC_ASSERT(back.last_sequence() == entry.last_sequence());
      RC_ASSERT(back.open_transaction_start == entry.open_transaction_start);
      RC_ASSERT(back.coordinator_epoch == entry.coordinator_epoch);
      RC_ASSERT(back.last_timestamp_ms == entry.last_timestamp_ms);
      RC_ASSERT(back.batches.size() == std::min<std::size_t>(entry.batches.size(), 1));
      if (!entry.batches.empty()) RC_ASSERT(back.batches[0].first_offset() == entry.batches.back().first_offset());
    }
    RC_ASSERT(loaded.encode_snapshot() == state.encode_snapshot());
  }));
}

TEST(ProducerSnapshot, has_the_bytes_that_the_format_says) {
  ProducerState state;
  state.apply(batch(5, 3, 100, 2));
  const std::vector<int> expected{0, 1, -1, -1, -1, -1, 0, 0, 0, 1,
                                  0, 0, 0, 0, 0, 0, 0, 7, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 102, 0, 0, 0, 2,
                                  0, 0, 0, 0, 0, 0, 4, 0x4c, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  const auto bytes = state.encode_snapshot();
  ASSERT_EQ(bytes.size(), expected.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (expected[i] == -1) continue;  // the checksum
    EXPECT_EQ(static_cast<int>(bytes[i]), expected[i]) << i;
  }
}

TEST(ProducerSnapshot, cut_or_flipped_anywhere_is_refused) {
  ProducerState state;
  state.apply(batch(5, 3, 100, 2));
  const auto bytes = state.encode_snapshot();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(ProducerState::decode_snapshot(cut).has_value());
    auto flipped = bytes;
    flipped[i] ^= std::byte{0x10};
    EXPECT_FALSE(ProducerState::decode_snapshot(flipped).has_value());
  }
}

}  // namespace
}  // namespace broker::log
