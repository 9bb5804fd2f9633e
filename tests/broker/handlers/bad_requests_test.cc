// Requests that are well formed and ask for what cannot be: each gets Kafka's error, and nothing is stored.
#include <gtest/gtest.h>

#include "kernel/crc32c.h"
#include "net/compress/codec.h"
#include "net/messages/api_versions.h"
#include "net/messages/describe_cluster.h"
#include "net/messages/find_coordinator.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/record/batch_header.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using net::record::BatchHeader;

/// The batch with its header changed and, unless `keep_crc`, its checksum made right again.
std::vector<std::byte> changed(std::vector<std::byte> batch, const std::function<void(BatchHeader&)>& change,
                               bool keep_crc = false) {
  BatchHeader header = *BatchHeader::parse(kernel::ByteView{batch});
  change(header);
  header.write(batch);
  if (keep_crc) return batch;
  const kernel::ByteView whole{batch};
  header.crc = net::record::compute_crc({&whole, 1});
  header.write(batch);
  return batch;
}

/// A batch whose records are these bytes, whatever they mean.
std::vector<std::byte> batch_around(const std::vector<std::byte>& records, std::uint16_t attributes = 0) {
  auto batch = one_record("x");
  batch.resize(net::record::kHeaderBytes);
  batch = batch + records;
  BatchHeader header = *BatchHeader::parse(kernel::ByteView{one_record("x")});
  header.attributes = attributes;
  header.batch_length = static_cast<std::int32_t>(batch.size() - net::record::kUncountedBytes);
  header.write(batch);
  const kernel::ByteView whole{batch};
  header.crc = net::record::compute_crc({&whole, 1});
  header.write(batch);
  return batch;
}

struct BadBatch {
  std::string_view name;
  std::vector<std::byte> bytes;
  ErrorCode error;
};

std::vector<BadBatch> bad_batches() {
  const auto good = one_record("value");
  const auto with = [&](auto change) { return changed(good, change); };
  const auto magic = [&](int value) {
    auto batch = good;
    batch[16] = static_cast<std::byte>(value);
    return batch;
  };
  const auto length = [&](std::int32_t value) {
    auto batch = good;
    kernel::store_be<std::int32_t>(batch.data() + 8, value);
    return batch;
  };
  return {
      {"a wrong checksum", changed(good, [](BatchHeader& h) { h.crc ^= 1; }, true), ErrorCode::corrupt_message},
      {"a flipped bit", [&] { auto b = good; b.back() ^= std::byte{1}; return b; }(), ErrorCode::corrupt_message},
      {"two records where there is one", with([](BatchHeader& h) { h.records_count = 2, h.last_offset_delta = 1; }),
       ErrorCode::invalid_record},
      {"no records", with([](BatchHeader& h) { h.records_count = 0; }), ErrorCode::invalid_record},
      {"minus one records", with([](BatchHeader& h) { h.records_count = -1; }), ErrorCode::invalid_record},
      {"two billion records",
       with([](BatchHeader& h) { h.records_count = INT32_MAX, h.last_offset_delta = INT32_MAX - 1; }),
       ErrorCode::invalid_record},
      {"a last offset beyond its records", with([](BatchHeader& h) { h.last_offset_delta = 5; }),
       ErrorCode::invalid_record},
      {"a negative length", length(-1), ErrorCode::corrupt_message},
      {"no length", length(0), ErrorCode::corrupt_message},
      {"a length beyond the request", length(100'000), ErrorCode::corrupt_message},
      {"magic 0", magic(0), ErrorCode::invalid_record},
      {"magic 1", magic(1), ErrorCode::invalid_record},
      {"magic 3", magic(3), ErrorCode::invalid_record},
      {"nothing", {}, ErrorCode::invalid_record},
      {"ten bytes", bytes_of("0123456789"), ErrorCode::corrupt_message},
      {"two batches", good + good, ErrorCode::invalid_record},
      {"bytes behind the batch", good + bytes_of("x"), ErrorCode::invalid_record},
      {"a control batch", with([](BatchHeader& h) { h.attributes |= 0x20; }), ErrorCode::invalid_record},
      {"an unknown codec", with([](BatchHeader& h) { h.attributes = 7; }), ErrorCode::invalid_record},
      {"the broker's timestamp", with([](BatchHeader& h) { h.attributes = 8; }), ErrorCode::invalid_timestamp},
      {"a transaction nobody began", with([](BatchHeader& h) {
         h.attributes = 0x10, h.producer_id = net::ProducerId{1}, h.producer_epoch = net::ProducerEpoch{0},
         h.base_sequence = 0;
       }),
       ErrorCode::invalid_txn_state},
      {"a producer without a sequence", with([](BatchHeader& h) {
         h.producer_id = net::ProducerId{1}, h.producer_epoch = net::ProducerEpoch{0};
       }),
       ErrorCode::invalid_record},
      {"a record of negative length", batch_around(bytes_of("\x09" "abcdefgh")), ErrorCode::invalid_record},
      {"a record beyond the batch", batch_around(bytes_of("\xfe\xff\xff\xff\x0f" "abc")), ErrorCode::invalid_record},
      {"a length of eleven bytes", batch_around(std::vector<std::byte>(11, std::byte{0xff})),
       ErrorCode::invalid_record},
      {"a time two days ahead",
       [] {
         net::record::BatchBuilder builder{{}};
         builder.append({.timestamp_ms = 1'700'000'000'000 + 2 * 86'400'000, .value = kernel::as_bytes("v")});
         return builder.build();
       }(),
       ErrorCode::invalid_timestamp},
  };
}

TEST(BadBatches, AreRefusedWithKafkasErrorAndNothingIsStored) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", one_record("first")).offset, net::Offset{0});
    for (const BadBatch& bad : bad_batches()) {
      const Produced got = produce(f, client, "t", bad.bytes);
      EXPECT_EQ(got.error, bad.error) << bad.name << ": " << got.message;
      EXPECT_EQ(got.offset, net::Offset{-1}) << bad.name;
      EXPECT_FALSE(got.message.empty()) << bad.name;
    }
    EXPECT_EQ(produce(f, client, "t", one_record("second")).offset, net::Offset{1});
  });
}

TEST(BadProduceRequests, GetTheErrorOfTheirPartition) {
  BrokerWorld world{{.shards = 3}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 4, {{"max.message.bytes", "1000"}}), ErrorCode::none);
    const auto good = one_record("v");
    EXPECT_EQ(produce(f, client, "t", one_record(std::string(1000, 'v'))).error, ErrorCode::message_too_large);
    EXPECT_EQ(produce(f, client, "t", good, 9, 4).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(f, client, "t", good, 9, -1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(f, client, "t", good, 9, INT32_MIN).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(f, client, "none", good).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(produce(f, client, "", good, 13).error, ErrorCode::unknown_topic_id);
    EXPECT_EQ(produce(f, client, "t", good, 9, 0, 2).error, ErrorCode::invalid_required_acks);
    net::record::BatchBuilder builder{{.codec = net::compress::Codec::zstd}};
    builder.append({.value = kernel::as_bytes("v")});
    const auto zstd = builder.build();
    EXPECT_EQ(produce(f, client, "t", zstd, 6).error, ErrorCode::unsupported_compression_type);
    EXPECT_EQ(produce(f, client, "t", zstd, 7).error, ErrorCode::none);
    for (std::int32_t p = 1; p < 4; ++p) EXPECT_EQ(produce(f, client, "t", good, 9, p).error, ErrorCode::none);
    // What counts is also how large it is as it would be stored.
    ASSERT_EQ(create_topic(f, client, "plain", 1, {{"max.message.bytes", "1000"}, {"compression.type", "uncompressed"}}), ErrorCode::none);
    net::record::BatchBuilder grows{{.codec = net::compress::Codec::zstd}};
    grows.append({.value = kernel::as_bytes(std::string_view{std::string(1000, 'v')})});
    EXPECT_EQ(produce(f, client, "plain", grows.build()).error, ErrorCode::message_too_large);
    EXPECT_EQ(produce(f, client, "plain", zstd).error, ErrorCode::none);
  });
}

TEST(DecompressionBombs, AreRefusedInBoundedMemory) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "compacted", 1, {{"cleanup.policy", "compact"}}), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "strict", 1, {{"log.validate.compressed", "true"}}), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "stored", 1, {{"compression.type", "lz4"}}), ErrorCode::none);
    const std::string zeros(290u << 20, '0');
    for (const auto codec : {net::compress::Codec::zstd, net::compress::Codec::gzip}) {
      net::record::BatchBuilder builder{{.codec = codec}};
      builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes("k"), .value = kernel::as_bytes(zeros)});
      const auto bomb = builder.build();
      ASSERT_LT(bomb.size(), 1'000'000u);
      EXPECT_EQ(produce(f, client, "compacted", bomb).error, ErrorCode::record_list_too_large);
      EXPECT_EQ(produce(f, client, "strict", bomb).error, ErrorCode::record_list_too_large);
      EXPECT_EQ(produce(f, client, "stored", bomb).error, ErrorCode::record_list_too_large);
    }
    EXPECT_EQ(produce(f, client, "strict", batch_around(bytes_of("not zstd"), 4)).error, ErrorCode::invalid_record);
    EXPECT_EQ(produce(f, client, "compacted", one_record("v")).offset, net::Offset{0});
  });
}

/// What takes long is a worker's, and the next request of the connection still comes behind it.
TEST(BatchesThatTakeLong, KeepNobodyWaitingAndTheirOrder) {
  BrokerWorld world;
  const auto offloaded = [&] {
    const auto at = world.world.marks().find("broker.produce.batch_offloaded");
    return at == world.world.marks().end() ? std::uint64_t{0} : at->second;
  };
  const auto sequenced = [](std::int32_t sequence, std::size_t bytes) {
    net::record::BatchBuilder builder{{.codec = net::record::Codec::gzip,
                                       .producer_id = net::ProducerId{5},
                                       .producer_epoch = net::ProducerEpoch{0},
                                       .base_sequence = sequence}};
    const std::string value(bytes, 'v');
    builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes("k"), .value = kernel::as_bytes(value)});
    return builder.build();
  };
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "plain"), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "strict", 1, {{"log.validate.compressed", "true"}}), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "stored", 1, {{"compression.type", "zstd"}}), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "plain", sequenced(0, 2u << 20)).error, ErrorCode::none);
    EXPECT_EQ(produce(f, client, "strict", sequenced(0, 20'000)).error, ErrorCode::none);
    EXPECT_EQ(offloaded(), 0u) << "a small batch went by way of a worker";
    EXPECT_EQ(produce(f, client, "stored", sequenced(0, 20'000)).error, ErrorCode::none);
    EXPECT_EQ(offloaded(), 1u);

    std::vector<std::byte> frames;
    for (const std::int32_t sequence : {1, 2, 3}) {
      const auto batch = sequenced(sequence, sequence == 2 ? 100 : 2u << 20);
      net::Arena arena;
      net::ProduceRequest request;
      request.acks = -1;
      request.timeout_ms = 30'000;
      auto& topic = arena.push_back(request.topic_data, {.name = "strict"});
      arena.push_back(topic.partition_data, {.index = net::PartitionId{0}, .records = net::Records::view(batch)});
      frames = frames + net::encode_request(9, sequence, "raw", request)->bytes;
    }
    ASSERT_TRUE(client.send(f, frames));
    for (const std::int64_t offset : {1, 2, 3}) {
      const auto frame = client.receive(f);
      ASSERT_TRUE(frame);
      net::Arena arena;
      net::Reader reader{frame->view(), arena};
      ASSERT_EQ(net::decode_response_header(reader, net::ProduceRequest::kApiKey, 9)->correlation_id, offset);
      const auto answer = net::decode<net::ProduceResponse>(reader, 9);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->responses[0].partition_responses[0].error_code, ErrorCode::none);
      EXPECT_EQ(answer->responses[0].partition_responses[0].base_offset, net::Offset{offset});
    }
    EXPECT_EQ(offloaded(), 3u);
  });
}

std::uint64_t reached(BrokerWorld& world, std::string_view mark) {
  const auto at = world.world.marks().find(std::string{mark});
  return at == world.world.marks().end() ? 0 : at->second;
}

/// `count` zeros, packed to next to nothing.
std::vector<std::byte> packed_zeros(std::size_t count, int level = net::compress::kLevelDefault) {
  net::record::BatchBuilder builder{{.codec = net::record::Codec::zstd, .compression_level = level}};
  const std::string zeros(count, '0');
  builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes("k"), .value = kernel::as_bytes(zeros)});
  return builder.build();
}

/// The batch to each of four partitions, in one request; what each answers.
std::vector<ErrorCode> produce_to_four(Fiber& f, RawClient& client, std::string_view name, const std::vector<std::byte>& batch,
                                       std::int16_t acks = -1) {
  net::Arena arena;
  net::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 30'000;
  auto& topic = arena.push_back(request.topic_data, {.name = name});
  for (std::int32_t p = 0; p < 4; ++p)
    arena.push_back(topic.partition_data, {.index = net::PartitionId{p}, .records = net::Records::view(batch)});
  const auto answer = client.call(f, 9, request);
  std::vector<ErrorCode> errors;
  if (!answer) return errors;
  for (const auto& partition : answer->response.responses[0].partition_responses) errors.push_back(partition.error_code);
  return errors;
}

TEST(BatchesPackedAnew, AreTogetherNoMoreThanARequestMayBe) {
  BrokerWorld world{{.settings = {"socket.request.max.bytes=1048576", "queued.max.request.bytes=8388608", "message.max.bytes=1000000"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "plain", 4, {{"compression.type", "uncompressed"}}), ErrorCode::none);
    const std::vector<ErrorCode> errors = produce_to_four(f, client, "plain", packed_zeros(400'000));
    EXPECT_EQ(errors, (std::vector{ErrorCode::none, ErrorCode::none, ErrorCode::message_too_large, ErrorCode::message_too_large}));
    EXPECT_EQ(produce_to_four(f, client, "plain", packed_zeros(200'000)), std::vector(4, ErrorCode::none));
  });
}

TEST(BatchesPackedAnew, WaitForOneAnotherWhenMemoryIsShort) {
  BrokerWorld world{{.settings = {"socket.request.max.bytes=1048576", "queued.max.request.bytes=1048576", "message.max.bytes=1000000"}}};
  world.run([&](Fiber& f) {
    RawClient first = world.connect(f);
    ASSERT_EQ(create_topic(f, first, "plain", 4, {{"compression.type", "uncompressed"}}), ErrorCode::none);
    const auto batch = packed_zeros(200'000);
    ASSERT_EQ(produce_to_four(f, first, "plain", batch), std::vector(4, ErrorCode::none));
    EXPECT_EQ(reached(world, "broker.produce.packed_memory_waited"), 0u) << "nobody else had any";
    kernel::Scope senders{f};
    for (int i = 0; i < 8; ++i) {
      senders.spawn("sender", [&](Fiber& child) {
        RawClient client = world.connect(child);
        for (int n = 0; n < 3; ++n) EXPECT_EQ(produce_to_four(child, client, "plain", batch), std::vector(4, ErrorCode::none));
      });
    }
    EXPECT_TRUE(senders.join(f));
    EXPECT_GT(reached(world, "broker.produce.packed_memory_waited"), 0u);
  });
}

/// Nobody waits for an answer, but the memory is counted until the batch is written: the sender is read no further.
TEST(BatchesWithoutAcks, ArePacedByTheDisk) {
  BrokerWorld world{{.settings = {"socket.request.max.bytes=1048576", "queued.max.request.bytes=1048576", "message.max.bytes=500000"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    const auto batch = one_record(std::string(400'000, 'v'));
    net::Arena arena;
    net::ProduceRequest request;
    request.timeout_ms = 30'000;
    auto& topic = arena.push_back(request.topic_data, {.name = "t"});
    arena.push_back(topic.partition_data, {.index = net::PartitionId{0}, .records = net::Records::view(batch)});
    const auto frame = net::encode_request(9, 1, "raw", request);
    ASSERT_TRUE(frame);
    world.broker_machine.disk().faults().hung = true;
    constexpr int kFrames = 60;
    int sent = 0;
    kernel::Scope sender{f};
    sender.spawn("sender", [&](Fiber& child) {
      for (; sent < kFrames; ++sent) ASSERT_TRUE(client.send(child, frame->bytes));
    });
    ASSERT_TRUE(f.sleep(3s));
    EXPECT_LT(sent, 30) << "a megabyte of requests, the reserve, and what the network holds";
    world.broker_machine.disk().unhang(0);
    ASSERT_TRUE(sender.join(f));
    EXPECT_EQ(produce(f, client, "t", one_record("v")).offset, net::Offset{kFrames}) << "it comes behind them";
  });
}

TEST(BatchesThatAskForMuchMemory, HaveTheirTurnOnTheNode) {
  BrokerWorld world{{.shards = 3}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "strict", 4, {{"log.validate.compressed", "true"}}), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "gzip", 4, {{"compression.type", "gzip"}}), ErrorCode::none);
    EXPECT_EQ(produce_to_four(f, client, "strict", packed_zeros(10u << 20)), std::vector(4, ErrorCode::none));
    EXPECT_EQ(reached(world, "broker.produce.huge_batch"), 0u) << "the window is of two megabytes";
    const auto huge = packed_zeros(10u << 20, 22);
    EXPECT_EQ(produce_to_four(f, client, "strict", huge), std::vector(4, ErrorCode::none));
    EXPECT_EQ(produce_to_four(f, client, "gzip", huge), std::vector(4, ErrorCode::none));
    EXPECT_EQ(reached(world, "broker.produce.huge_batch"), 8u);
  });
}

/// Records are looked at on the way from one codec to another as well.
TEST(BatchesPackedAnew, AreCheckedOnTheWay) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "lz4", 1, {{"compression.type", "lz4"}}), ErrorCode::none);
    std::vector<std::byte> packed;
    const auto nonsense = bytes_of("these are no records");
    const kernel::ByteView piece{nonsense};
    net::compress::compress(net::compress::Codec::zstd, net::compress::kLevelDefault, {&piece, 1}, packed);
    EXPECT_EQ(produce(f, client, "lz4", batch_around(packed, 4)).error, ErrorCode::invalid_record);
    EXPECT_EQ(produce(f, client, "lz4", one_record("v")).offset, net::Offset{0});
  });
}

TEST(BadFetches, GetTheErrorOfTheirPartition) {
  BrokerWorld world{{.shards = 2}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", one_record("v")).error, ErrorCode::none);
    for (const std::int64_t offset : {std::int64_t{-1}, std::int64_t{2}, std::int64_t{INT64_MAX}, std::int64_t{INT64_MIN}}) {
      const Fetched got = fetch(f, client, "t", offset);
      EXPECT_EQ(got.error, ErrorCode::offset_out_of_range) << offset;
      EXPECT_FALSE(got.records_null) << "librdkafka refuses null records";
    }
    EXPECT_EQ(fetch(f, client, "t", 0, 1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(fetch(f, client, "t", 0, -1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(fetch(f, client, "none", 0).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(fetch(f, client, "", 0, 0, 13).error, ErrorCode::unknown_topic_id);
    EXPECT_EQ(fetch(f, client, "t", 1).error, ErrorCode::none);
    EXPECT_GT(fetch(f, client, "t", 0).bytes, 0u);
  });
}

TEST(FetchSessions, ThatDoNotExistAreRefused) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    net::FetchRequest request;
    request.session_id = 4711;
    request.session_epoch = 3;
    EXPECT_EQ(client.call(f, 11, request)->response.error_code, ErrorCode::fetch_session_id_not_found);
  });
}

TEST(TopicsThatCannotBe, AreRefusedWithTheirReason) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    const std::string longest(249, 'a');
    for (const std::string& name : {std::string{}, std::string{"."}, std::string{".."}, longest + "a",
                                    std::string{"a/b"}, std::string{"a b"}, std::string{"\xc3\xbc"}, std::string{"a\0b", 3}}) {
      EXPECT_EQ(create_topic(f, client, name), ErrorCode::invalid_topic_exception) << name;
    }
    EXPECT_EQ(create_topic(f, client, longest), ErrorCode::none);
    EXPECT_EQ(create_topic(f, client, longest), ErrorCode::topic_already_exists);
    EXPECT_EQ(create_topic(f, client, "x.y"), ErrorCode::none);
    EXPECT_EQ(create_topic(f, client, "x_y"), ErrorCode::invalid_topic_exception);
    EXPECT_EQ(create_topic(f, client, "p", 0), ErrorCode::invalid_partitions);
    EXPECT_EQ(create_topic(f, client, "p", -2), ErrorCode::invalid_partitions);
    EXPECT_EQ(create_topic(f, client, "p", 1'000'000), ErrorCode::policy_violation);
    EXPECT_EQ(create_topic(f, client, "p", 1, {}, 0), ErrorCode::invalid_replication_factor);
    EXPECT_EQ(create_topic(f, client, "p", 1, {}, 2), ErrorCode::invalid_replication_factor);
    EXPECT_EQ(create_topic(f, client, "p", 1, {{"retention.ms", "soon"}}), ErrorCode::invalid_config);
    EXPECT_EQ(create_topic(f, client, "p", 1, {{"no.such.setting", "1"}}), ErrorCode::invalid_config);
  });
}

TEST(UnknownTopicsAndIds, AreNamedInMetadata) {
  BrokerWorld world{{.settings = {"auto.create.topics.enable=false"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    net::Arena arena;
    net::MetadataRequest by_name;
    by_name.topics = arena.list<net::MetadataRequest::MetadataRequestTopic>(2);
    (*by_name.topics)[0].name = "none";
    (*by_name.topics)[1].name = "not/valid";
    const auto names = client.call(f, 9, by_name);
    ASSERT_TRUE(names);
    ASSERT_EQ(names->response.topics.size(), 2u);
    EXPECT_EQ(names->response.topics[0].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(names->response.topics[1].error_code, ErrorCode::invalid_topic_exception);
    net::MetadataRequest by_id;
    by_id.topics = arena.list<net::MetadataRequest::MetadataRequestTopic>(1);
    (*by_id.topics)[0].name = std::nullopt;
    (*by_id.topics)[0].topic_id = net::TopicId{{1, 2}};
    const auto ids = client.call(f, 12, by_id);
    ASSERT_TRUE(ids);
    EXPECT_EQ(ids->response.topics[0].error_code, ErrorCode::unknown_topic_id);
  });
}

TEST(TopicsAskedForTwice, AreMadeOnceAndAnsweredOnce) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    net::Arena arena;
    net::MetadataRequest twice;
    twice.topics = arena.list<net::MetadataRequest::MetadataRequestTopic>(2);
    (*twice.topics)[0].name = "new";
    (*twice.topics)[1].name = "new";
    twice.allow_auto_topic_creation = true;
    const auto answer = client.call(f, 4, twice);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->response.topics.size(), 1u);
    EXPECT_EQ(answer->response.topics[0].error_code, ErrorCode::none);
    EXPECT_EQ(answer->response.topics[0].partitions.size(), 1u);
  });
}

TEST(ClientsOfAnotherCluster, AreToldToFindTheirOwn) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    const auto ask = [&](std::optional<std::string_view> cluster, int node) {
      net::ApiVersionsRequest request;
      request.client_software_name = "test";
      request.client_software_version = "1";
      request.cluster_id = cluster;
      request.node_id = net::BrokerId{node};
      const auto answer = client.call(f, 5, request);
      return answer ? answer->response.error_code : ErrorCode::network_exception;
    };
    net::DescribeClusterRequest about;
    const auto cluster = client.call(f, 0, about);
    ASSERT_TRUE(cluster);
    EXPECT_EQ(ask(cluster->response.cluster_id, 1), ErrorCode::none);
    EXPECT_EQ(ask(std::nullopt, -1), ErrorCode::none);
    EXPECT_EQ(ask("AAAAAAAAAAAAAAAAAAAAAA", 1), ErrorCode::rebootstrap_required);
    EXPECT_EQ(ask(cluster->response.cluster_id, 2), ErrorCode::rebootstrap_required);
  });
}

TEST(Features, AreThoseThatWorkAndNotAllThatTheMetadataHolds) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    for (const std::int16_t version : {std::int16_t{3}, std::int16_t{4}}) {
      net::ApiVersionsRequest request;
      request.client_software_name = "test";
      request.client_software_version = "1";
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer);
      std::string finalized, supported;
      for (const auto& one : answer->response.finalized_features)
        finalized += fmt::format("{}={} ", one.name, one.max_version_level);
      for (const auto& one : answer->response.supported_features)
        supported += fmt::format("{}={}-{} ", one.name, one.min_version, one.max_version);
      EXPECT_EQ(finalized, "kraft.version=1 metadata.version=33 ");
      EXPECT_EQ(supported, version == 3 ? "metadata.version=7-33 " : "kraft.version=0-1 metadata.version=7-33 ");
    }
  });
}

TEST(Coordinators, AreFoundForGroupsOnly) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    net::FindCoordinatorRequest request;
    request.key = "group";
    for (std::int16_t version = 0; version <= 3; ++version) {
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->response.error_code, ErrorCode::none);
      EXPECT_EQ(answer->response.node_id, net::BrokerId{1});
      EXPECT_EQ(answer->response.port, 9092);
    }
    net::Arena arena;
    request.key = {};
    arena.push_back(request.coordinator_keys, std::string_view{"a"});
    arena.push_back(request.coordinator_keys, std::string_view{"b"});
    for (const auto& [type, version, error] :
         {std::tuple{0, 4, ErrorCode::none}, {1, 6, ErrorCode::coordinator_not_available},
          {2, 6, ErrorCode::coordinator_not_available}, {2, 5, ErrorCode::invalid_request},
          {9, 6, ErrorCode::invalid_request}}) {
      request.key_type = static_cast<std::int8_t>(type);
      const auto answer = client.call(f, static_cast<std::int16_t>(version), request);
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->response.coordinators.size(), 2u);
      EXPECT_EQ(answer->response.coordinators[1].key, "b");
      EXPECT_EQ(answer->response.coordinators[1].error_code, error) << type << " at version " << version;
    }
  });
}

}  // namespace
}  // namespace broker::testing
