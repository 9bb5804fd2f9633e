// The state machine of one partition's batches, step by step.
#include <gtest/gtest.h>

#include "clients/producer/partition_queue.h"

namespace clients::producer {
namespace {

using namespace std::chrono_literals;
using kernel::Mono;
using net::ErrorCode;
using Outcome = Delivery::Outcome;

class PartitionQueueTest : public ::testing::Test {
 protected:
  BatchRef add(std::int32_t records = 2) {
    auto batch = std::make_shared<Batch>(next_id_++, net::record::BatchOptions{}, now_, now_ + 100s);
    for (std::int32_t i = 0; i < records; ++i) batch->builder.append({.timestamp_ms = 1, .value = kernel::as_bytes("v")});
    batch->records = records;
    batch->full = true;
    queue_.add(batch);
    return batch;
  }
  BatchRef take() {
    BatchRef batch = queue_.take({.now = now_}, fresh_, decided_);
    if (batch) batch->encode();
    return batch;
  }
  void end(const BatchRef& batch, AttemptResult result) {
    queue_.ended(batch, {.result = result, .error = core::fail_code(ErrorCode::request_timed_out).error()}, now_, now_,
                 decided_);
    publish();
  }
  void publish() {
    for (auto& one : decided_) {
      if (!one.batch->fate->delivery) one.batch->fate->delivery = one.delivery;
    }
    decided_.clear();
  }
  /// An accepted batch, so that several may be in flight.
  void establish() {
    const BatchRef first = add(1);
    ASSERT_EQ(take(), first);
    end(first, AttemptResult::accepted);
  }
  static std::optional<Outcome> fate(const BatchRef& batch) {
    if (!batch->fate->delivery) return std::nullopt;
    return batch->fate->delivery->outcome;
  }

  Identity fresh_{net::ProducerId{9}, net::ProducerEpoch{0}};
  PartitionQueue queue_{{.idempotent = true, .in_flight_max = 5, .linger = 10ms}};
  std::vector<Decided> decided_;
  Mono now_{1s};
  std::uint64_t next_id_ = 1;
};

TEST_F(PartitionQueueTest, sequences_are_dense_and_five_batches_are_in_flight) {
  establish();
  std::vector<BatchRef> sent;
  for (int i = 0; i < 7; ++i) add();
  while (BatchRef batch = take()) sent.push_back(batch);
  ASSERT_EQ(sent.size(), 5u);
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(sent[i]->base_sequence, 1 + 2 * static_cast<int>(i));
}

TEST_F(PartitionQueueTest, the_first_batch_of_an_identity_travels_alone) {
  add();
  add();
  EXPECT_NE(take(), nullptr);
  EXPECT_EQ(take(), nullptr);
}

TEST_F(PartitionQueueTest, nothing_leaves_without_an_identity_or_before_the_linger_ends) {
  fresh_ = {};
  const BatchRef batch = add();
  EXPECT_EQ(take(), nullptr);
  fresh_ = {net::ProducerId{9}, net::ProducerEpoch{0}};
  batch->full = false;
  EXPECT_EQ(take(), nullptr);
  EXPECT_EQ(queue_.next_time({.now = now_}), now_ + 10ms);
  now_ += 10ms;
  EXPECT_EQ(take(), batch);
}

TEST_F(PartitionQueueTest, a_lost_batch_is_sent_again_unchanged_before_anything_else) {
  establish();
  const BatchRef a = add();
  const BatchRef b = add();
  const BatchRef c = add();
  take();
  take();
  end(a, AttemptResult::unknown);
  EXPECT_EQ(take(), nullptr) << "b is still in flight";
  end(b, AttemptResult::sequence_refused);
  EXPECT_EQ(fate(b), std::nullopt) << "only says that a is missing";
  const kernel::Buffer before = a->bytes;
  EXPECT_EQ(take(), a);
  EXPECT_EQ(a->bytes.data(), before.data());
  EXPECT_EQ(take(), nullptr) << "one at a time while something is to be sent again";
  end(a, AttemptResult::duplicate);
  EXPECT_EQ(fate(a), Outcome::ok);
  EXPECT_EQ(take(), b);
  EXPECT_EQ(b->base_sequence, 3);
  end(b, AttemptResult::accepted);
  EXPECT_EQ(take(), c);
}

TEST_F(PartitionQueueTest, after_a_refusal_what_followed_is_renumbered_under_the_next_epoch) {
  establish();
  const BatchRef a = add();
  const BatchRef b = add();
  const BatchRef c = add();
  take();
  take();
  take();
  end(a, AttemptResult::refused);
  EXPECT_EQ(fate(a), Outcome::failed);
  end(b, AttemptResult::sequence_refused);
  EXPECT_EQ(take(), nullptr) << "c is still in flight under the old epoch";
  end(c, AttemptResult::sequence_refused);
  EXPECT_EQ(take(), b);
  EXPECT_EQ(b->identity.epoch, net::ProducerEpoch{1});
  EXPECT_EQ(b->base_sequence, 0);
  const auto header = net::record::BatchHeader::parse(b->bytes.view());
  EXPECT_EQ(header->producer_epoch, net::ProducerEpoch{1});
  EXPECT_EQ(header->base_sequence, 0);
  const kernel::ByteView whole = b->bytes.view();
  EXPECT_EQ(header->crc, net::record::compute_crc({&whole, 1}));
  end(b, AttemptResult::accepted);
  EXPECT_EQ(take(), c);
  EXPECT_EQ(c->base_sequence, 2);
}

TEST_F(PartitionQueueTest, a_refusal_with_nothing_behind_it_gives_its_sequence_back) {
  establish();
  const BatchRef a = add();
  take();
  end(a, AttemptResult::refused);
  const BatchRef b = add();
  EXPECT_EQ(take(), b);
  EXPECT_EQ(b->base_sequence, 1);
  EXPECT_EQ(b->identity.epoch, net::ProducerEpoch{0});
}

TEST_F(PartitionQueueTest, a_batch_that_may_be_there_is_never_renumbered) {
  establish();
  const BatchRef a = add();
  const BatchRef b = add();
  take();
  take();
  end(a, AttemptResult::unknown);
  end(b, AttemptResult::unknown);
  EXPECT_EQ(take(), a);
  end(a, AttemptResult::sequence_refused);
  EXPECT_EQ(fate(a), Outcome::unknown) << "the first attempt may have landed";
  EXPECT_EQ(take(), b) << "asked again under the old epoch";
  EXPECT_EQ(b->identity.epoch, net::ProducerEpoch{0});
  end(b, AttemptResult::accepted);
  EXPECT_EQ(fate(b), Outcome::ok);
  const BatchRef c = add();
  EXPECT_EQ(take(), c);
  EXPECT_EQ(c->identity.epoch, net::ProducerEpoch{1});
}

TEST_F(PartitionQueueTest, a_batch_never_answered_ends_unknown_and_one_never_sent_failed) {
  establish();
  const BatchRef sent = add();
  take();
  fresh_ = {};
  const BatchRef kept = add();
  now_ += 101s;
  queue_.expire(now_, decided_);
  publish();
  EXPECT_EQ(fate(sent), Outcome::unknown);
  EXPECT_EQ(fate(kept), Outcome::failed);
  const BatchRef later = add();
  EXPECT_EQ(queue_.in_flight(), 1u);
  end(sent, AttemptResult::unknown);
  EXPECT_EQ(take(), later);
  EXPECT_EQ(later->identity.epoch, net::ProducerEpoch{1}) << "which fences a late copy of what was given up";
}

TEST_F(PartitionQueueTest, used_up_epochs_ask_for_a_fresh_producer_id) {
  fresh_.epoch = net::ProducerEpoch{INT16_MAX};
  establish();
  const BatchRef a = add();
  take();
  end(a, AttemptResult::sequence_refused);
  EXPECT_EQ(take(), nullptr);
  EXPECT_TRUE(queue_.identity_exhausted());
  fresh_ = {net::ProducerId{10}, net::ProducerEpoch{0}};
  EXPECT_EQ(take(), a);
  EXPECT_EQ(a->identity, fresh_);
  EXPECT_EQ(a->base_sequence, 0);
}

TEST(Meaning, answers_that_can_come_after_the_append_are_unknown) {
  for (const ErrorCode code : {ErrorCode::not_leader_or_follower, ErrorCode::not_enough_replicas_after_append,
                               ErrorCode::request_timed_out, ErrorCode::kafka_storage_error,
                               ErrorCode::leader_not_available, ErrorCode::fenced_leader_epoch,
                               ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_id})
    EXPECT_EQ(meaning_of(code), AttemptResult::unknown) << net::text_of(code);
  EXPECT_EQ(meaning_of(ErrorCode::unknown_server_error), AttemptResult::unknown_for_good);
  EXPECT_EQ(meaning_of(ErrorCode::not_enough_replicas), AttemptResult::refused_for_now);
  EXPECT_EQ(meaning_of(ErrorCode::message_too_large), AttemptResult::refused);
  EXPECT_EQ(meaning_of(ErrorCode::duplicate_sequence_number), AttemptResult::duplicate);
  EXPECT_EQ(meaning_of(static_cast<ErrorCode>(9999)), AttemptResult::unknown_for_good);
}

}  // namespace
}  // namespace clients::producer
