#include "kernel/check.h"
#include "net/framing.h"
#include "net/messages/fetch.h"
#include "net/messages/metadata.h"
#include "net/messages/produce.h"
#include "net/record/batch_reader.h"
#include "net/record/record_walk.h"
#include "tests/bench/built_batch.h"
#include "tests/bench/hot_paths.h"

namespace bench {
namespace {

using net::Arena;

constexpr int kTopics = 3;
constexpr int kPartitions = 4;  // of each topic

net::TopicId topic_id(int i) { return net::TopicId{{7, static_cast<std::uint64_t>(i)}}; }

/// Calls make(topic, partition) for each partition of each topic in `topics`, a field of a message.
template <class Topics, class Make>
void fill(Arena& arena, Topics& topics, Make make) {
  for (int t = 0; t < kTopics; ++t) {
    auto& topic = arena.push_back(topics, {});
    topic.topic_id = topic_id(t);
    for (int p = 0; p < kPartitions; ++p) make(topic, net::PartitionId{p});
  }
}

/// What each message says, in the newest version.
template <class Message>
struct Sample;

template <>
struct Sample<net::ProduceRequest> {
  static net::ProduceRequest make(Arena& arena, kernel::ByteView batch) {
    net::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30'000;
    fill(arena, request.topic_data, [&](auto& topic, net::PartitionId p) {
      arena.push_back(topic.partition_data, {.index = p, .records = net::Records::view(batch)});
    });
    return request;
  }
};
template <>
struct Sample<net::ProduceResponse> {
  static net::ProduceResponse make(Arena& arena, kernel::ByteView) {
    net::ProduceResponse response;
    fill(arena, response.responses, [&](auto& topic, net::PartitionId p) {
      arena.push_back(topic.partition_responses,
                      {.index = p, .base_offset = net::Offset{1'000'000}, .log_start_offset = net::Offset{0}});
    });
    return response;
  }
};
template <>
struct Sample<net::FetchRequest> {
  static net::FetchRequest make(Arena& arena, kernel::ByteView) {
    net::FetchRequest request;
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.max_bytes = 50 << 20;
    fill(arena, request.topics, [&](auto& topic, net::PartitionId p) {
      arena.push_back(topic.partitions,
                      {.partition = p, .fetch_offset = net::Offset{1'000'000}, .partition_max_bytes = 1 << 20});
    });
    return request;
  }
};
template <>
struct Sample<net::FetchResponse> {
  static net::FetchResponse make(Arena& arena, kernel::ByteView batch) {
    net::FetchResponse response;
    fill(arena, response.responses, [&](auto& topic, net::PartitionId p) {
      arena.push_back(topic.partitions, {.partition_index = p,
                                         .high_watermark = net::Offset{1'000'000},
                                         .last_stable_offset = net::Offset{1'000'000},
                                         .log_start_offset = net::Offset{0},
                                         .records = net::Records::external(batch.size(), 0)});
    });
    return response;
  }
};

constexpr std::string_view kTopicNames[kTopics]{"orders", "payments", "shipments"};

template <>
struct Sample<net::MetadataRequest> {
  static net::MetadataRequest make(Arena& arena, kernel::ByteView) {
    net::MetadataRequest request;
    request.allow_auto_topic_creation = false;
    for (const std::string_view name : kTopicNames) arena.push_back(*request.topics, {.name = name});
    return request;
  }
};
/// What a client of three brokers is told.
template <>
struct Sample<net::MetadataResponse> {
  static net::MetadataResponse make(Arena& arena, kernel::ByteView) {
    net::MetadataResponse response;
    for (int b = 1; b <= 3; ++b)
      arena.push_back(response.brokers, {.node_id = net::BrokerId{b}, .host = "broker.example.org", .port = 9092});
    response.cluster_id = "4L6g3nShT-eMCtK--X86sw";
    response.controller_id = net::BrokerId{1};
    fill(arena, response.topics, [&](auto& topic, net::PartitionId p) {
      topic.name = kTopicNames[topic.topic_id.raw().low];
      auto& told = arena.push_back(topic.partitions, {.partition_index = p,
                                                      .leader_id = net::BrokerId{1 + p.raw() % 3},
                                                      .leader_epoch = net::LeaderEpoch{5}});
      for (int b = 1; b <= 3; ++b) {
        arena.push_back(told.replica_nodes, net::BrokerId{b});
        arena.push_back(told.isr_nodes, net::BrokerId{b});
      }
    });
    return response;
  }
};

template <class Message>
constexpr bool kIsRequest = requires { typename Message::Response; };

template <class Message>
net::EncodedFrame encoded(const Message& message) {
  if constexpr (kIsRequest<Message>) {
    return net::encode_request(Message::kVersions.last, 7, "bench", message).value();
  } else {
    return net::encode_response(Message::kVersions.last, 7, message).value();
  }
}

template <class Message>
void encode(Meter& meter) {
  const std::vector<std::byte> batch = build_batch(1024, 100);
  Arena arena;
  const auto message = Sample<Message>::make(arena, batch);
  meter.count(1000, [&] { keep(encoded(message)); });
}

/// The frame as the peer sees it: with the bytes of external records in their gaps.
std::vector<std::byte> on_the_wire(const net::EncodedFrame& frame, kernel::ByteView batch) {
  std::vector<std::byte> wire;
  std::size_t sent = 0;
  const auto send_until = [&](std::size_t end) {
    wire.insert(wire.end(), frame.bytes.begin() + static_cast<std::ptrdiff_t>(sent),
                frame.bytes.begin() + static_cast<std::ptrdiff_t>(end));
    sent = end;
  };
  for (const net::Gap& gap : frame.gaps) {
    send_until(gap.offset);
    wire.insert(wire.end(), batch.begin(), batch.end());
  }
  send_until(frame.bytes.size());
  return wire;
}

template <class Message>
void decode(Meter& meter) {
  const std::vector<std::byte> batch = build_batch(1024, 100);
  Arena arena;
  const std::vector<std::byte> wire = on_the_wire(encoded(Sample<Message>::make(arena, batch)), batch);
  const kernel::ByteView frame = kernel::ByteView{wire}.subspan(net::kFrameSizeBytes);
  Arena decoded;
  meter.count(1000, [&] {
    decoded.reset();
    net::Reader reader{frame, decoded};
    if constexpr (kIsRequest<Message>) {
      CHECK(net::decode_request_header(reader));
    } else {
      CHECK(net::decode_response_header(reader, Message::kApiKey, Message::kVersions.last));
    }
    const auto message = net::decode<Message>(reader, Message::kVersions.last);
    CHECK(message && reader.remaining() == 0);
    keep(*message);
  });
}

void headers_of_batches(Meter& meter) {
  std::vector<std::byte> batches;
  for (int i = 0; i < 64; ++i) {
    const auto one = build_batch(1024, 100);
    batches.insert(batches.end(), one.begin(), one.end());
  }
  meter.count(1000, [&] {
    net::record::BatchReader reader{batches};
    int seen = 0;
    for (auto batch = reader.next(); batch && *batch; batch = reader.next()) ++seen;
    CHECK(seen == 64);
  });
}

/// What the broker does with a batch of a client before it takes it, but for the checksum.
void walk(Meter& meter) {
  const std::vector<std::byte> batch = build_batch(16 << 10, 100);
  const kernel::ByteView records = kernel::ByteView{batch}.subspan(net::record::kHeaderBytes);
  meter.count(200, [&] {
    const auto header = net::record::BatchHeader::parse(batch);
    CHECK(header);
    const auto walked = net::record::walk_records(*header, {&records, 1}, {});
    CHECK(walked);
    keep(*walked);
  });
}

/// What a consumer does.
void iterate(Meter& meter) {
  const std::vector<std::byte> batch = build_batch(16 << 10, 100);
  const auto header = net::record::BatchHeader::parse(batch).value();
  const kernel::ByteView records = kernel::ByteView{batch}.subspan(net::record::kHeaderBytes);
  meter.count(200, [&] {
    const auto region = net::record::RecordRegion::open(header, records, 1 << 20);
    CHECK(region);
    auto iterator = region->iterate();
    int seen = 0;
    for (auto record = iterator.next(); record && *record; record = iterator.next()) {
      keep(**record);
      ++seen;
    }
    CHECK(seen == header.records_count);
  });
}

void build(Meter& meter) {
  meter.count(200, [] { keep(build_batch(16 << 10, 100)); });
}

constexpr HotPath kPaths[]{
    {"encode.produce_request", "frame of 12 partitions with 1 KiB each", encode<net::ProduceRequest>},
    {"decode.produce_request", "the same, read", decode<net::ProduceRequest>},
    {"encode.produce_response", "frame of 12 partitions", encode<net::ProduceResponse>},
    {"decode.produce_response", "the same, read", decode<net::ProduceResponse>},
    {"encode.fetch_request", "frame of 12 partitions", encode<net::FetchRequest>},
    {"decode.fetch_request", "the same, read", decode<net::FetchRequest>},
    {"encode.fetch_response", "frame of 12 partitions, records elsewhere", encode<net::FetchResponse>},
    {"decode.fetch_response", "frame of 12 partitions with 1 KiB each, read", decode<net::FetchResponse>},
    {"encode.metadata_request", "frame that asks for 3 topics", encode<net::MetadataRequest>},
    {"decode.metadata_request", "the same, read", decode<net::MetadataRequest>},
    {"encode.metadata_response", "frame of 12 partitions of 3 replicas", encode<net::MetadataResponse>},
    {"decode.metadata_response", "the same, read", decode<net::MetadataResponse>},
    {"batch.headers", "64 batches of 1 KiB, header by header", headers_of_batches},
    {"batch.walk", "all records of 16 KiB, as the broker checks them", walk},
    {"batch.iterate", "all records of 16 KiB, as a consumer reads them", iterate},
    {"batch.build", "16 KiB of 100 B records", build},
};

}  // namespace

std::span<const HotPath> protocol_paths() { return kPaths; }

}  // namespace bench
